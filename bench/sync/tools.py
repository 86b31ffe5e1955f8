"""The tools that are compared, each a process in a scratch directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.sync.loopback import Loopback
from tests.support.environment import scrubbed

PYPITOOL, PIP, BANDERSNATCH = "pypitool", "pip", "bandersnatch"
EMPTY, AGAIN, LOCKED = "empty directory", "nothing to do", "nothing to do, `--locked`"
PHASES = (EMPTY, AGAIN, LOCKED)
ONE_TARGET: Mapping[str, tuple[str, str]] = {"linux": ("3.12", "manylinux_2_39_x86_64")}


class ToolFailed(Exception):
    """A tool ended with another code than 0."""

    def __init__(self, command: Sequence[str], code: int, log: Path) -> None:
        super().__init__(f"{' '.join(command[:6])} ended with {code}; its output is {log}")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one tool."""

    seconds: float
    cpu_seconds: float
    requests: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Pins:
    """What is to be fetched, and from where."""

    name: str  # of the offer, see `offerings`
    lines: Sequence[str]
    dialect: str = "json"  # of the index: `json` or `html`
    workers: int = 8
    targets: Mapping[str, tuple[str, str]] = field(default_factory=lambda: ONE_TARGET)
    closure: str = "check"


class Tool(Protocol):
    """Fetches pins into its own directory, again and again."""

    name: str

    def prepare(self, ground: Path, pins: Pins, upstream: Loopback) -> None:
        """Make its directory and its configuration."""

    def command(self, ground: Path, phase: str) -> list[str] | None:
        """Return the command line of a phase; None when it has no such thing."""


class Pip:
    """`pip download --no-deps`, as the issue names it."""

    name = PIP

    def __init__(self) -> None:
        self._index = ""

    def prepare(self, ground: Path, pins: Pins, upstream: Loopback) -> None:
        """Write the requirements."""
        self._index = upstream.index(pins.dialect)
        (ground / "pins.txt").write_text("\n".join(pins.lines))

    def command(self, ground: Path, phase: str) -> list[str] | None:
        """Download; a second time the files are found in place."""
        if phase == LOCKED:
            return None
        options = ["--no-deps", "--quiet", "-r", "pins.txt", "-d", "packages", "-i", self._index]
        return [sys.executable, "-m", "pip", "download", *options]


class Pypitool:
    """`pypitool sync` of one set."""

    name = PYPITOOL

    def prepare(self, ground: Path, pins: Pins, upstream: Loopback) -> None:
        """Write the requirements and the configuration."""
        (ground / "pins.txt").write_text("\n".join(pins.lines))
        targets = "\n".join(
            f'{name} = {{ python = "{python}", platform = "{platform}" }}'
            for name, (python, platform) in pins.targets.items()
        )
        (ground / "config.toml").write_text(
            f'[server]\npackages = "packages"\n'
            f'[upstream.loopback]\nindex = "{upstream.index(pins.dialect)}"\nworkers = {pins.workers}\n'
            f'[targets]\n{targets}\n[set.{pins.name}]\nrequirements = "pins.txt"\n'
            f'closure = "{pins.closure}"\n'
        )

    def command(self, ground: Path, phase: str) -> list[str] | None:
        """Synchronise; the lock is one flag more."""
        locked = ["--locked"] if phase == LOCKED else []
        return [sys.executable, "-m", "pypitool", "sync", "--quiet", "--config", "config.toml", *locked]


class Bandersnatch:
    """`bandersnatch sync` of the same releases, with as many workers as it takes."""

    name = BANDERSNATCH

    def __init__(self, program: Path) -> None:
        self._program = program
        self._projects: list[str] = []

    def prepare(self, ground: Path, pins: Pins, upstream: Loopback) -> None:
        """Write its configuration."""
        self._projects = [line.partition("==")[0] for line in pins.lines]
        releases = "\n".join(f"    {line}" for line in pins.lines)
        (ground / "bandersnatch.conf").write_text(
            f"[mirror]\ndirectory = {ground / 'mirror'}\nmaster = {upstream.root}\nallow-non-https = true\n"
            f"workers = 10\nhash-index = false\nstop-on-error = true\n"
            f"[plugins]\nenabled =\n    allowlist_release\n[allowlist]\npackages =\n{releases}\n"
        )

    def command(self, ground: Path, phase: str) -> list[str] | None:
        """Synchronise the projects by name; it keeps no state of the single files."""
        if phase == LOCKED:
            return None
        return [str(self._program), "-c", "bandersnatch.conf", "sync", *self._projects]


def measure(command: Sequence[str], ground: Path, upstream: Loopback | None = None) -> Measured:
    """Run a command to its end, and say what it took."""
    log = ground / "log.txt"
    if upstream is not None:
        upstream.requests()
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ground, env=environment(ground), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ToolFailed(command, process.returncode, log)
    requests = upstream.requests() if upstream is not None else 0
    return Measured(seconds, usage.ru_utime + usage.ru_stime, requests, usage.ru_maxrss * 1024)


def fresh(ground: Path) -> Path:
    """Make an empty scratch directory."""
    shutil.rmtree(ground, ignore_errors=True)
    ground.mkdir(parents=True)
    return ground


def environment(home: Path) -> dict[str, str]:
    """Nobody's settings; compiled modules are kept, as in any installation."""
    clean = scrubbed(os.environ, home=home)
    clean.pop("PYTHONDONTWRITEBYTECODE", None)
    return clean
