"""What has to be right before anybody is served: checked at the start, and again at every reload."""

from __future__ import annotations

import getpass
import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import has_right
from pypitool.repository.state import locate_state, survey
from pypitool_server.engine import tls
from pypitool_server.logs.logs import Log

# Each download holds a connection and a file.
WANTED_FILES = 65_536


class PathUnusable(PypitoolError):
    """A file or directory of the configuration cannot be used."""

    kind = Kind.CONFIG
    sentence = "cannot use {subject}: {reason}"
    subject: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Settings that were found to be good, with the state directory in its place."""

    settings: Settings
    certificate: tls.Certificate | None
    log: Log
    notices: tuple[str, ...] = ()

    @property
    def server(self) -> ServerSettings:
        """The section that says what is served, where and how."""
        return self.settings.server

    @property
    def state(self) -> Path:
        """The state directory."""
        assert self.server.state is not None
        return self.server.state


def prepare(settings: Settings, environ: Mapping[str, str]) -> Prepared:
    """Check everything that settings name, and return what follows from them."""
    server = settings.server
    log = Log(server)
    certificate = None
    if server.cert is not None and server.key is not None:
        certificate = tls.checked(server.cert, server.key)
    roots = tuple(Path(os.path.abspath(root.expanduser())) for root in server.packages)
    state = locate_state(roots, server.state, environ)
    _check_roots(roots, writes=may_write(settings))
    passwords = settings.auth.passwords
    _check_file(passwords, "the password file", f"`pypitool user add NAME -P {passwords}` makes it")
    _check_file(server.welcome, "the welcome page")
    placed = replace(settings, server=replace(server, packages=roots, state=state))
    return Prepared(placed, certificate, log, tuple(_of_two_states(roots, state)))


def _of_two_states(roots: tuple[Path, ...], state: Path) -> Iterator[str]:
    """Warn where another state of these directories knows what this one does not."""
    found = survey(roots, state)
    if found.second is None:
        return
    from pypitool.repository.merge_states import only_there  # the parent opens no database

    if missing := only_there(found):
        yield (
            f"{found.second} is another state of these directories, and has what {state} has not: {missing}; "
            f"`pypitool state adopt {found.second}` appends it"
        )


def may_write(settings: Settings) -> bool:
    """Tell whether anybody may change files through the server."""
    rules = rules_of(settings)
    uploads = any(has_right(rule.may, Right.UPLOAD) for rule in rules.book.rules)
    return not settings.server.read_only and (uploads or (rules.owners and rules.new_projects is not None))


def allow_many_files() -> None:
    """Raise the limit of open files as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_roots(roots: tuple[Path, ...], *, writes: bool) -> None:
    for root in roots:
        if not os.access(root, os.R_OK | os.X_OK):
            raise PathUnusable(f"the package directory {root}", "it cannot be read", _owner_hint(root))
    if writes and not os.access(roots[0], os.W_OK):
        hint = f"{_owner_hint(roots[0])}, or serve it with `--read-only`"
        raise PathUnusable(f"{roots[0]} for uploads", "it cannot be written", hint)


def _check_file(path: Path | None, name: str, hint: str | None = None) -> None:
    if path is None:
        return
    try:
        with path.open("rb"):
            return
    except OSError as error:
        hint = hint if isinstance(error, FileNotFoundError) else None
        raise PathUnusable(f"{name} {path}", (error.strerror or str(error)).lower(), hint) from error


def _owner_hint(root: Path) -> str:
    return f"`chown -R {getpass.getuser()} {root}` gives it to the user of the server"
