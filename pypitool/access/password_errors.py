"""What can go wrong with accounts."""

from __future__ import annotations

from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError


class PasswordsUnavailable(PypitoolError):
    """The library that verifies passwords is not whole."""

    kind = Kind.CONFIG
    sentence = "passwords cannot be verified, because the package `libpass` is not whole: {reason}"
    hint = "run `pip install --force-reinstall --no-deps libpass`; libpass and passlib share one folder"
    reason: str


class PasswordFileUnreadable(PypitoolError):
    """A command cannot read or write the password file."""

    kind = Kind.CONFIG
    sentence = "cannot use the password file `{path}`: {reason}"
    path: Path
    reason: str


class PasswordsBusy(PypitoolError):
    """Too many passwords are being verified to take this one."""

    kind = Kind.UNAVAILABLE
    sentence = "too many passwords are being verified at this moment"


class VerificationFailed(PypitoolError):
    """The callable that was given to verify passwords raised an error of its own."""

    kind = Kind.UNAVAILABLE
    sentence = "passwords cannot be verified at this moment"


class PasswordRefused(PypitoolError):
    """A new password that no hash of ours can hold."""

    kind = Kind.INVALID
    sentence = "this password cannot be used: {reason}"
    reason: str


class UserNameRefused(PypitoolError):
    """A user name that an htpasswd file or a Basic header cannot carry."""

    kind = Kind.USAGE  # as every other wrong word of a command line
    sentence = "the user name {user!r} cannot be used: {reason}"
    user: str
    reason: str


class UnknownUser(PypitoolError):
    """A name that the password file does not hold."""

    kind = Kind.NOT_FOUND
    # Said to clients of the API as well, whom no path of our disk concerns.
    sentence = "there is no user {user!r}"
    user: str
    path: Path
