"""The files and directories that the server needs: what is wrong with each, for the start and for a check."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.repository.state_errors import PackagesMissing
from pypitool_server.engine import tls

Misplaced = tuple[str, PypitoolError]  # the path of the key, and what is wrong with what it names


class PathUnusable(PypitoolError):
    """A file or directory of the configuration cannot be used."""

    kind = Kind.CONFIG
    sentence = "cannot use {subject}: {reason}"
    subject: str
    reason: str
    hint: str | None = None


def misplaced(settings: Settings, roots: Sequence[Path], writes: Callable[[], bool]) -> Iterator[Misplaced]:
    """Yield everything that keeps the server from starting; `writes`: whether it takes uploads."""
    server, passwords = settings.server, settings.auth.passwords
    if server.cert is not None and server.key is not None:
        try:
            tls.checked(server.cert, server.key)
        except tls.TlsUnusable as error:
            yield "server.cert" if error.path == server.cert else "server.key", error
    faults = {root: _fault_of_root(root) for root in roots}
    yield from (("server.packages", fault) for fault in faults.values() if fault is not None)
    # Who may do what is not read for a directory that is ours to write anyhow.
    if faults[roots[0]] is None and not os.access(roots[0], os.W_OK) and writes():
        hint = f"{_writing_hint(roots[0])}; or serve it with `--read-only`"
        yield (
            "server.packages",
            PathUnusable(f"{roots[0]} for uploads", _writing_fault(roots[0]), hint),
        )
    for key, path, name in (
        ("auth.passwords", passwords, "the password file"),
        ("server.welcome", server.welcome, "the welcome page"),
    ):
        if path is not None and (fault := _fault_of_file(path, name)) is not None:
            yield key, fault


def _fault_of_root(root: Path) -> PypitoolError | None:
    closed = next((folder for folder in reversed(root.parents) if not _lets_in(folder)), None)
    if closed is not None:
        hint = _HIDDEN if closed in _HOMES else f"`chmod o+x {closed}` lets the server pass"
        return PathUnusable(f"the package directory {root}", f"{closed} does not let the server in", hint)
    if not root.is_dir():
        return PackagesMissing(root)
    if os.access(root, os.R_OK | os.X_OK):
        return None
    return PathUnusable(f"the package directory {root}", "it cannot be read", _owner_hint(root))


# What `ProtectHome=true` closes to everybody.
_HOMES = (Path("/home"), Path("/root"))
_HIDDEN = (
    "a unit of systemd sees no home without `ProtectHome=read-only`, which `pypitool setup systemd` writes; "
    "packages in /srv/packages are less trouble"
)


def _lets_in(folder: Path) -> bool:
    # What is no directory, or not there, is missing: that is another fault.
    return os.access(folder, os.X_OK) or not os.path.isdir(folder)


def _fault_of_file(path: Path, name: str) -> PathUnusable | None:
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        hint = None
        if isinstance(error, PermissionError):
            hint = f"`chgrp {_own_group()} {path} && chmod g+r {path}` lets the group of the server read it"
        elif isinstance(error, FileNotFoundError) and name == "the password file":
            hint = f"`pypitool user add NAME -P {path}` makes it"
        return PathUnusable(f"{name} {path}", (error.strerror or str(error)).lower(), hint)


def _own_group() -> str:
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:  # a container need not name it
        return str(os.getegid())


def _writing_fault(root: Path) -> str:
    return "it cannot be written" if _is_read_only(root) else f"{_own_name()} cannot write there"


def _is_read_only(root: Path) -> bool:
    return bool(os.statvfs(root).f_flag & os.ST_RDONLY)


def _writing_hint(root: Path) -> str:
    if not _is_read_only(root):
        return _owner_hint(root)
    return (
        f"it is read-only here, whoever owns it: in a unit of systemd the line `ReadWritePaths={root}` opens "
        "it, which `pypitool setup systemd` writes; elsewhere a mount that may be written"
    )


def _owner_hint(root: Path) -> str:
    return f"`chown -R {_own_name()} {root}` gives it to the user of the server"


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container need not name it
        return str(os.geteuid())
