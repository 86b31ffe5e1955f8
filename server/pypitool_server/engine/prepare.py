"""What has to be right before anybody is served: checked at the start, and again at every reload."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError, TooManyOpenFiles
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import has_right
from pypitool.repository.state import locate_state, survey
from pypitool_server.engine import tls
from pypitool_server.engine.needed_files import misplaced
from pypitool_server.logs.logs import Log

# Each download holds a connection and a file.
WANTED_FILES = 65_536
# With 36 a worker of 2 cores begins; with fewer its libraries end it, each with words of its own.
LEAST_FILES = 64


class TooFewFiles(PypitoolError):
    """This process may open so few files that no worker would begin."""

    kind = Kind.UNAVAILABLE
    sentence = f"only {{limit}} files may be open at once, and a server needs {LEAST_FILES}"
    hint = TooManyOpenFiles.hint
    limit: int


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
    roots = tuple(Path(os.path.abspath(root.expanduser())) for root in server.packages)
    # Before the state: one that is taken over moves, and must not for a start that fails.
    for _, error in misplaced(settings, roots, lambda: may_write(settings)):
        raise error
    certificate = (
        None if server.cert is None or server.key is None else tls.Certificate(server.cert, server.key)
    )
    state = locate_state(roots, server.state, environ)
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


def refuse_few_files() -> None:
    """Raise `TooFewFiles` before anything is begun that would end for want of descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST_FILES:
        raise TooFewFiles(hard)


def allow_many_files() -> None:
    """Raise the limit of open files as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
