"""Credentials for a server: every place where somebody may have put a user and a password, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from logging import getLogger
from typing import Any
from urllib.parse import urlsplit

from pypitool.config.faults import BadConfiguration
from pypitool.config.secrets import password, unreadable, unset
from pypitool.config.upstream_tables import RemoteSettings
from pypitool.core.upload.addresses import user_in, without_user
from pypitool.core.upload.credential_choice import (
    TOKEN_USER,
    Chosen,
    Credentials,
    CredentialSource,
    Offered,
    choose,
)
from pypitool.core.upload.pypirc import Section
from pypitool.upstream.session import netrc_credentials

# Asks the person at the terminal; the second says whether what is typed is hidden.
Ask = Callable[[str, bool], str]
log = getLogger(__name__)
_KEYRING = "the keyring"


@dataclass(frozen=True, slots=True)
class Login:
    """What a command line says about who one is."""

    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Login({self.user!r}, …)"


@dataclass(frozen=True, slots=True)
class CredentialSources:
    """Where credentials for one address are looked for, in order; a person is asked last."""

    url: str
    environ: Mapping[str, str]
    login: Login = Login()
    remote: RemoteSettings | None = None
    section: Section | None = None
    twine: bool = False  # whether its variables count

    def credentials(self, ask: Ask | None = None) -> Credentials | None:
        """Return the first user and the first password that belong together; None: there are none."""
        chosen = choose(self._in_order(ask))
        if chosen.credentials is not None:
            user, where = chosen.credentials.user, chosen.password_from
            log.info("logging in as %s, with the password from %s", user, where)
        return chosen.credentials

    def _in_order(self, ask: Ask | None) -> Iterator[CredentialSource]:
        address, environ = without_user(self.url), self.environ
        yield lambda _: Offered("the address", *user_in(self.url))
        yield lambda _: Offered("the command line", self.login.user, self.login.password)
        if token := environ.get("PYPITOOL_TOKEN"):
            yield lambda _: Offered("PYPITOOL_TOKEN", TOKEN_USER, token)
        yield lambda _: _variables(environ, "PYPITOOL")
        if self.twine:
            yield lambda _: _variables(environ, "TWINE")
        if self.remote is not None:
            remote = self.remote
            yield lambda _: _of_remote(remote, environ)
        if self.section is not None:
            section = self.section
            yield lambda _: Offered(f"the section `{section.name}`", section.username, section.password)
        yield lambda chosen: _from_keyring(address, chosen)
        yield lambda _: _netrc(address)
        if ask is not None:
            yield lambda chosen: _typed(address, chosen, ask)


def _variables(environ: Mapping[str, str], program: str) -> Offered:
    user, secret = environ.get(f"{program}_USERNAME"), environ.get(f"{program}_PASSWORD")
    # An exported but empty variable is absent.
    return Offered(f"{program}_PASSWORD", user or None, secret or None)


def _of_remote(remote: RemoteSettings, environ: Mapping[str, str]) -> Offered:
    if remote.auth is None:
        return Offered("")
    faults = [*unreadable([remote]), *unset([remote], environ)]
    if faults:
        raise BadConfiguration(faults)
    secret = password(remote.auth, environ)
    return Offered(f"[remote.{remote.name}]", remote.auth.user or TOKEN_USER, secret)


def _from_keyring(service: str, chosen: Chosen) -> Offered:
    """Ask the keyring for the user that is known, else for whomever it knows; faults are told and passed."""
    if find_spec("keyring") is None:
        return Offered(_KEYRING)
    # Not one of our dependencies: it brings a cryptography library along, and few servers have a keyring.
    keyring: Any = import_module("keyring")
    errors: Any = import_module("keyring.errors")
    try:
        if chosen.user is not None:
            return Offered(_KEYRING, chosen.user, keyring.get_password(service, chosen.user))
        found = keyring.get_credential(service, None)
    except errors.NoKeyringError:
        return Offered(_KEYRING)
    except (errors.KeyringError, OSError, RuntimeError) as error:
        log.warning("%s cannot be asked: %s", _KEYRING, error)
        return Offered(_KEYRING)
    return Offered(_KEYRING) if found is None else Offered(_KEYRING, found.username or None, found.password)


def _netrc(address: str) -> Offered:
    found = netrc_credentials(address)
    return Offered("") if found is None else Offered("netrc", found[0] or None, found[1])


def _typed(address: str, chosen: Chosen, ask: Ask) -> Offered:
    host = urlsplit(address).netloc
    user = chosen.user
    if user is None:
        user = ask(f"User at {host} (none: without)", False)
    if user == "" or chosen.password is not None:
        return Offered("the terminal", user)
    what = f"Token for {host}" if user == TOKEN_USER else f"Password of {user} at {host}"
    return Offered("the terminal", user, ask(what, True) or None)
