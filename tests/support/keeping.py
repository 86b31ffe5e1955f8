"""A real keeper in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypitool.repository.contact import Heartbeat, read_heartbeat
from pypitool.repository.repository import Repository
from tests.support.waiting import LONGEST, wait_until


@dataclass
class KeeperProcess:
    """A keeper that was started, and what it said."""

    process: subprocess.Popen[bytes]
    repository: Repository
    log_file: Path

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text()

    @property
    def heartbeat(self) -> Heartbeat | None:
        """Its last sign of life."""
        found = read_heartbeat(self.repository.files)
        return found if found is not None and found.pid == self.process.pid else None

    def wait_ready(self, seconds: float = LONGEST) -> None:
        """Wait until its first walk is over."""
        wait_until(self._is_ready, what="the keeper has walked", seconds=seconds)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        return self.heartbeat is not None and self.heartbeat.walked_at is not None


@contextlib.contextmanager
def keeper(
    repository: Repository,
    *,
    rescan: float = 3600.0,
    before: Sequence[str] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[KeeperProcess]:
    """Start a keeper, and stop it at the end; `before` is put in front of its command."""
    options = ["--state", str(repository.state), "--rescan", str(rescan)]
    command = [*before, sys.executable, "-m", "pypitool.keeper", *options, *map(str, repository.roots)]
    log_file = repository.state.parent / "keeper.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment or dict(os.environ))
    try:
        yield KeeperProcess(process, repository, log_file)
    finally:
        process.terminate()
        process.wait(timeout=LONGEST)
