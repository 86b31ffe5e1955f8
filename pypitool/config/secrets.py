"""What is kept outside of the configuration: passwords, tokens, and the authorities to trust."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pypitool.config.faults import ConfigFault
from pypitool.config.upstream_tables import RemoteAuth, RemoteSettings, UpstreamAuth, UpstreamSettings

Elsewhere = UpstreamSettings | RemoteSettings


def unreadable(tables: Iterable[Elsewhere]) -> Iterator[ConfigFault]:
    """Yield a fault for each file that an upstream or a remote names and that cannot be read."""
    for one in tables:
        if one.ca is not None:
            yield from _faults_of(one.ca, f"{_section(one)}.ca")
        place = _place(one)
        if place is not None and place.file is not None:
            yield from _faults_of(place.file, f"{_section(one)}.auth.{place.word}-file")


def unset(tables: Iterable[Elsewhere], environ: Mapping[str, str]) -> Iterator[ConfigFault]:
    """Yield a fault for each variable that should have a password or a token and has none."""
    for one in tables:
        place = _place(one)
        if place is not None and place.variable is not None and not environ.get(place.variable):
            path = f"{_section(one)}.auth.{place.word}-env"
            yield ConfigFault("", path, f"the variable {place.variable} is not set")


def password(auth: UpstreamAuth | RemoteAuth, environ: Mapping[str, str]) -> str:
    """Return the password or the token, once it is known to be there."""
    place = _place_of(auth)
    if place.file is not None:
        return _text(place.file)
    assert place.variable is not None
    return environ[place.variable]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a secret is: in a file, or in a variable."""

    word: str
    file: Path | None
    variable: str | None


def _place(one: Elsewhere) -> _Place | None:
    return None if one.auth is None else _place_of(one.auth)


def _place_of(auth: UpstreamAuth | RemoteAuth) -> _Place:
    if isinstance(auth, RemoteAuth) and auth.user is None:
        return _Place("token", auth.token_file, auth.token_env)
    return _Place("password", auth.password_file, auth.password_env)


def _section(one: Elsewhere) -> str:
    return f"{'remote' if isinstance(one, RemoteSettings) else 'upstream'}.{one.name}"


def _faults_of(file: Path, path: str) -> Iterator[ConfigFault]:
    try:
        empty = not _text(file)
    except OSError as fault:
        yield ConfigFault("", path, f"{file} cannot be read: {fault.strerror}")
    except ValueError:
        yield ConfigFault("", path, f"{file} is not text")
    else:
        if empty:
            yield ConfigFault("", path, f"{file} is empty")


def _text(file: Path) -> str:
    # The line end is the editor's; spaces may well belong to a password.
    return file.read_text(encoding="utf-8").rstrip("\r\n")
