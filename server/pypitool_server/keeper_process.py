"""The keeper beside the server: a process of its own, started again when it ends by itself."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pypitool_server import scrubbing
from pypitool_server.backoff import Backoff

STOP_SECONDS = 5.0

log = logging.getLogger(__name__)
told = logging.getLogger("pypitool.keeper")


class KeeperProcess:
    """Keeps one keeper alive, and hands its words to the log of the server."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = math.inf
        self._backoff = Backoff()
        self._words = b""

    @property
    def due(self) -> float:
        """When it is to be started again, on the monotonic clock."""
        return self._due

    @property
    def readable(self) -> tuple[int, ...]:
        """What to wait on: it has something to say."""
        return () if self._process is None else (_voice(self._process),)

    def start(self) -> None:
        """Start it."""
        self._due = math.inf
        self._started = time.monotonic()
        # Not the directory that somebody was in: `-m` puts it before everything else on the path.
        process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", env=_environment()
        )
        os.set_blocking(_voice(process), False)
        self._process = process

    def tend(self) -> None:
        """Notice that it ended, and start it again when its time has come."""
        now = time.monotonic()
        if self._process is not None:
            self._listen(self._process)
        if self._process is not None and (code := self._process.poll()) is not None:
            delay = self._backoff.after(now - self._started)
            log.error("the keeper ended with exit code %d; the next one starts in %.1f s", code, delay)
            self._forget(self._process)
            self._due = now + delay
        if self._due <= now:
            self.start()

    def run(self, command: Sequence[str]) -> None:
        """Run this command from now on; nothing happens if it is the one that runs."""
        if tuple(command) != self._command:
            self._command = tuple(command)
            self.stop()
            self.start()

    def stop(self) -> None:
        """End it, by force if it takes too long."""
        self._due = math.inf
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._forget(process)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        while said := _heard(process):
            *lines, self._words = (self._words + said).split(b"\n")
            for line in lines:
                _tell(line.decode(errors="replace"))

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        self._listen(process)
        if process.stderr is not None:
            process.stderr.close()
        self._process = None


def keeper_command(
    roots: Sequence[Path], state: Path, *, rescan: float, level: str, parent: int
) -> tuple[str, ...]:
    """Return the command that keeps these directories until `parent` is gone."""
    options = (
        "--state", str(state), "--rescan", str(rescan), "--log-level", level, "--parent", str(parent),
    )  # fmt: skip
    return (sys.executable, "-m", "pypitool.keeper", *options, *map(str, roots))


def _environment() -> dict[str, str]:
    # The keeper must be the keeper of this very installation, from wherever it was imported.
    return {**scrubbing.scrubbed(os.environ), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _voice(process: subprocess.Popen[bytes]) -> int:
    assert process.stderr is not None
    return process.stderr.fileno()


def _heard(process: subprocess.Popen[bytes]) -> bytes:
    try:
        return os.read(_voice(process), 64 * 1024)
    except BlockingIOError:
        return b""


def _tell(line: str) -> None:
    # Its lines begin with a level; those of a traceback do not.
    level, _, message = line.partition(" ")
    number = logging.getLevelName(level)
    if isinstance(number, int):
        told.log(number, "%s", message)
    else:
        told.error("%s", line)
