"""A writer in a process of its own: it publishes one wheel, and may stop or die at a step on the way."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pypitool.catalogue.catalogue import Pending
from pypitool.catalogue.errors import ReleaseFileExists
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.fact import Fact
from pypitool.core.model import FileStat, HeldFile, Location
from pypitool.repository.repository import Repository
from pypitool.store.directory import DirectoryStore
from pypitool.store.temporary import TemporaryFile
from tests.support.repositories import open_repository, publish_wheel
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Reaching:
    """Sends this process a signal when it has come to a step."""

    step: str
    number: int

    def __call__(self, step: str) -> None:
        if step == self.step:
            os.kill(os.getpid(), self.number)


class WatchedCatalogue(SqliteCatalogue):
    """A catalogue that tells when its steps are durable."""

    reached: Callable[[str], None]

    def begin_publish(
        self, pending: Pending, body: bytes | None, *, overwrite: bool, reserve: bool = False
    ) -> None:
        """Tell of the beginning, and of the end."""
        self.reached("written")
        super().begin_publish(pending, body, overwrite=overwrite, reserve=reserve)
        self.reached("pending")

    def finish_publish(self, file: HeldFile) -> tuple[Location, ...]:
        """Tell before and after."""
        self.reached("unlinked")
        superseded = super().finish_publish(file)
        self.reached("live")
        return superseded


class WatchedFacts(FactLog):
    """A log that tells when a fact is durable."""

    reached: Callable[[str], None]

    def append(self, *facts: Fact) -> None:
        """Append, and tell."""
        super().append(*facts)
        self.reached("fact")


class WatchedStore(DirectoryStore):
    """A store that tells when a file has its name and its hidden name too."""

    reached: Callable[[str], None]

    def place(self, temporary: TemporaryFile, location: Location, *, overwrite: bool = False) -> FileStat:
        """Stop between the two system calls of placing."""
        if location.path.endswith(".asc"):
            stat = super().place(temporary, location, overwrite=overwrite)
            self.reached("signed")
            return stat
        unlink = os.unlink

        def interrupted(path: str, *, dir_fd: int | None = None) -> None:
            self.reached("linked")
            unlink(path, dir_fd=dir_fd)

        os.unlink = interrupted  # type: ignore[assignment]
        try:
            stat = super().place(temporary, location, overwrite=overwrite)
        finally:
            os.unlink = unlink
        if overwrite:  # one system call did both
            self.reached("linked")
        return stat


def watched(repository: Repository, reached: Callable[[str], None]) -> Repository:
    """Return the repository with parts that tell of their steps."""
    catalogue = WatchedCatalogue(repository.files.catalogue)
    facts, store = WatchedFacts(repository.files.facts), WatchedStore(repository.roots)
    catalogue.reached = facts.reached = store.reached = reached
    return replace(repository, catalogue=catalogue, facts=facts, store=store)


def main(place: Path, what: str, *arguments: str) -> None:
    """Publish: `publish SALT GATE`, or `die STEP new|overwrite`, or `stop STEP new|overwrite`."""
    repository = open_repository(place)
    if what == "publish":
        salt, gate = arguments
        wait_until(Path(gate).exists, what="the gate opens")
        print(json.dumps(outcome(repository, salt.encode())))
        return
    step, how = arguments
    reaching = Reaching(step, signal.SIGKILL if what == "die" else signal.SIGSTOP)
    overwrite = how == "overwrite"
    publish_wheel(
        watched(repository, reaching),
        "acme",
        "1.0",
        salt=b"of the writer that dies",
        overwrite=overwrite,
        signature=b"signature",
    )


def outcome(repository: Repository, salt: bytes) -> str:
    """Publish a wheel and tell what came of it."""
    try:
        return publish_wheel(repository, "acme", "1.0", salt=salt).outcome.value
    except ReleaseFileExists:
        return "conflict"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
