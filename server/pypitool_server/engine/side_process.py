"""Processes beside the server, the keeper first of all: each is started again when it ends by itself."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 5.0

log = logging.getLogger(__name__)

SHORT_LIFE_SECONDS = 10.0
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 5.0


class SideProcess:
    """Keeps one process alive, and hands its output to the log of the server."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._name = name
        self._command = tuple(command)
        self._environ = dict(environ)
        self._stop_seconds = stop_seconds
        # It ends when its standard input does: nobody but us holds the other end.
        self._stdin = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = math.inf
        self._backoff = Backoff()
        self._unfinished = b""

    @property
    def due(self) -> float:
        """When it is to be started again, on the monotonic clock."""
        return self._due

    @property
    def readable(self) -> tuple[int, ...]:
        """What to wait on: it has something to say."""
        return () if self._process is None else (_output(self._process),)

    def start(self) -> None:
        """Start it."""
        self._due = math.inf
        self._started = time.monotonic()
        # Not the directory that somebody was in: `-m` puts it before everything else on the path.
        stdin, self._stdin = os.pipe()
        process = subprocess.Popen(
            self._command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._environ,
        )
        os.close(stdin)
        os.set_blocking(_output(process), False)
        self._process = process

    def check(self) -> None:
        """Notice that it ended, and start it again when its time has come."""
        now = time.monotonic()
        if self._process is not None:
            self._log_output(self._process)
        if self._process is not None and (code := self._process.poll()) is not None:
            delay = self._backoff.after(now - self._started)
            log.error(
                "the %s ended with exit code %d; the next one starts in %.1f s", self._name, code, delay
            )
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

    def reload(self) -> None:
        """Let it read the configuration again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it, by force if it takes too long."""
        self._due = math.inf
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._forget(process)

    def _log_output(self, process: subprocess.Popen[bytes]) -> None:
        while output := _read_output(process):
            *lines, self._unfinished = (self._unfinished + output).split(b"\n")
            for line in lines:
                _log_line(self._name, line.decode(errors="replace"))

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        self._log_output(process)
        if process.stdout is not None:
            process.stdout.close()
        os.close(self._stdin)
        self._process = None


def _output(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def _read_output(process: subprocess.Popen[bytes]) -> bytes:
    try:
        return os.read(_output(process), 64 * 1024)
    except BlockingIOError:
        return b""


def _log_line(name: str, line: str) -> None:
    # The keeper's lines begin with a level, those of a command with a weight and a colon.
    logger = logging.getLogger(f"pypitool.{name}")
    word, _, message = line.partition(" ")
    number = logging.getLevelName(word.rstrip(":").upper())
    if isinstance(number, int):
        logger.log(number, "%s", message)
    elif name == "keeper":
        logger.error("%s", line)
    else:
        logger.info("%s", line)


class Backoff:
    """Waits longer after each short life; the first one after a long life is free."""

    def __init__(self) -> None:
        self._short_lives = 0

    def after(self, lived: float) -> float:
        """Return the seconds to wait, after a life of `lived` seconds."""
        if lived >= SHORT_LIFE_SECONDS:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        # 2.0**32 and not more: after weeks of crashes the power would be too large for a float.
        return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._short_lives - 1, 32)))


def keeper_command(
    roots: Sequence[Path],
    state: Path,
    passwords: Path | None,
    *,
    rescan: float,
    level: str,
    parent: int,
    reserve_deleted: bool = False,
) -> tuple[str, ...]:
    """Return the command that keeps these directories until `parent` is gone."""
    options = (
        "--state", str(state), "--rescan", str(rescan), "--log-level", level, "--parent", str(parent),
    )  # fmt: skip
    people = () if passwords is None else ("--passwords", str(passwords))
    reserving = ("--reserve-deleted",) if reserve_deleted else ()
    return (sys.executable, "-m", "pypitool.keeper", *options, *people, *reserving, *map(str, roots))


def jobs_command() -> tuple[str, ...]:
    """Return the command that runs the jobs of the configuration until we are gone."""
    return (sys.executable, "-m", "pypitool", "daemon", "--until-eof")
