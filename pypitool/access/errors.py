"""What can go wrong with accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError


@dataclass
class PasswordsUnavailable(PypitoolError):
    """The library that verifies passwords is not whole."""

    reason: str

    kind = Kind.CONFIG
    hint = "run `pip install --force-reinstall --no-deps libpass`; libpass and passlib share one folder"

    def __str__(self) -> str:
        return f"passwords cannot be verified, because the package `libpass` is not whole: {self.reason}"


@dataclass
class PasswordFileUnreadable(PypitoolError):
    """A command cannot read or write the password file."""

    path: Path
    reason: str

    kind = Kind.CONFIG

    def __str__(self) -> str:
        return f"cannot use the password file `{self.path}`: {self.reason}"


@dataclass
class PasswordsBusy(PypitoolError):
    """Too many passwords are being verified to take this one."""

    kind = Kind.UNAVAILABLE

    def __str__(self) -> str:
        return "too many passwords are being verified at this moment"


@dataclass
class VerificationFailed(PypitoolError):
    """The callable that was given to verify passwords raised an error of its own."""

    kind = Kind.UNAVAILABLE

    def __str__(self) -> str:
        return "passwords cannot be verified at this moment"


@dataclass
class PasswordRefused(PypitoolError):
    """A new password that no hash of ours can hold."""

    reason: str

    kind = Kind.INVALID

    def __str__(self) -> str:
        return f"this password cannot be used: {self.reason}"


@dataclass
class UserNameRefused(PypitoolError):
    """A user name that an htpasswd file or a Basic header cannot carry."""

    user: str
    reason: str

    kind = Kind.INVALID

    def __str__(self) -> str:
        return f"the user name {self.user!r} cannot be used: {self.reason}"


@dataclass
class UnknownUser(PypitoolError):
    """A name that the password file does not hold."""

    user: str
    path: Path

    kind = Kind.NOT_FOUND

    def __str__(self) -> str:
        # Said to clients of the API as well, whom no path of our disk concerns.
        return f"there is no user {self.user!r}"
