"""A process of its own that deletes a release and is killed at a step on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.fact import Actor
from pypitool.core.model import Location
from pypitool.repository.releases import delete, plan_delete
from pypitool.store.directory import DirectoryStore
from tests.support.imports import ROOT
from tests.support.repositories import open_repository
from tests.support.waiting import LONGEST

STEPS = ("fact", "unlinked", "forgotten")


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(DirectoryStore):
    """A store that is killed before it removes a file, or after."""

    step: str

    def remove(self, location: Location) -> bool:
        """Die on one side or the other."""
        if self.step == "fact":
            die()
        removed = super().remove(location)
        if self.step == "unlinked":
            die()
        return removed


class DyingCatalogue(SqliteCatalogue):
    """A catalogue that is killed when it has forgotten a file."""

    step: str

    def forget(self, locations: Sequence[Location]) -> None:
        """Forget, and die."""
        super().forget(locations)
        if self.step == "forgotten":
            die()


def killed(place: Path, step: str, project: str = "acme", version: str = "1.0") -> None:
    """Let a deletion be killed at a step."""
    command = [sys.executable, "-m", "tests.support.deleter", str(place), step, project, version]
    ended = subprocess.run(command, timeout=LONGEST, check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL


def main(place: str, step: str, project: str, version: str) -> None:
    """Delete, and die."""
    with open_repository(Path(place)) as repository:
        store, catalogue = DyingStore(repository.roots), DyingCatalogue(repository.files.catalogue)
        store.step = catalogue.step = step
        dying = replace(repository, store=store, catalogue=catalogue)
        delete(dying, plan_delete(dying, project, version), Actor("user:root"))


if __name__ == "__main__":
    main(*sys.argv[1:])
