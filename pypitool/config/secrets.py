"""What upstreams keep outside of the configuration: passwords, and the authorities to trust."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pypitool.config.faults import Fault
from pypitool.config.mirror_settings import UpstreamAuth, UpstreamSettings


def unreadable(upstreams: Iterable[UpstreamSettings]) -> Iterator[Fault]:
    """Yield a fault for each file that an upstream names and that cannot be read."""
    for upstream in upstreams:
        if upstream.ca is not None:
            yield from _faults_of(upstream.ca, f"upstream.{upstream.name}.ca")
        if upstream.auth is not None and upstream.auth.password_file is not None:
            yield from _faults_of(upstream.auth.password_file, f"upstream.{upstream.name}.auth.password-file")


def unset(upstreams: Iterable[UpstreamSettings], environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each variable that should have a password and has none."""
    for upstream in upstreams:
        name = upstream.auth.password_env if upstream.auth is not None else None
        if name is not None and not environ.get(name):
            yield Fault("", f"upstream.{upstream.name}.auth.password-env", f"the variable {name} is not set")


def password(auth: UpstreamAuth, environ: Mapping[str, str]) -> str:
    """Return the password, once it is known to be there."""
    if auth.password_file is not None:
        return _text(auth.password_file)
    assert auth.password_env is not None
    return environ[auth.password_env]


def _faults_of(file: Path, path: str) -> Iterator[Fault]:
    try:
        empty = not _text(file)
    except OSError as fault:
        yield Fault("", path, f"{file} cannot be read: {fault.strerror}")
    except ValueError:
        yield Fault("", path, f"{file} is not text")
    else:
        if empty:
            yield Fault("", path, f"{file} is empty")


def _text(file: Path) -> str:
    # The line end is the editor's; spaces may well belong to a password.
    return file.read_text(encoding="utf-8").rstrip("\r\n")
