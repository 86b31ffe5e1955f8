"""A mirror as somebody runs it: a configuration, a directory, and the program in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.environment import scrubbed
from tests.support.waiting import LONGEST


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]

    def names(self, outcome: str) -> set[str]:
        """The files with this outcome."""
        return {line["name"] for line in self.lines() if line.get("outcome") == outcome and "name" in line}


@dataclass(frozen=True)
class Mirror:
    """One directory that is filled from an index."""

    home: Path
    index: str
    targets: Mapping[str, tuple[str, str]]
    pins: str
    upstream: str = ""  # more keys of its table
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> Path:
        """The directory."""
        return self.home / "packages"

    def files(self) -> set[str]:
        """The names of what anybody sees there."""
        return {path.name for path in self.packages.glob("*") if path.is_file()}

    def command(self, *words: str) -> list[str]:
        """Write the configuration, and return a command line that uses it."""
        targets = "\n".join(
            f'{name} = {{ python = "{python}", platform = "{platform}" }}'
            for name, (python, platform) in self.targets.items()
        )
        (self.home / "pins.txt").write_text(self.pins)
        (self.home / "config.toml").write_text(
            f'[server]\npackages = "packages"\n[upstream.origin]\nindex = "{self.index}"\n{self.upstream}\n'
            f'[targets]\n{targets}\n[set.all]\nrequirements = "pins.txt"\n'
        )
        return [sys.executable, "-m", "pypitool", *words, "--config", "config.toml"]

    def run_again(self, *words: str) -> Ended:
        """Run a command with the configuration and the pins as they are now."""
        return ended(self._started([sys.executable, "-m", "pypitool", *words, "--config", "config.toml"]))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in the background."""
        return self._started(self.command(*words))

    def _started(self, command: list[str]) -> subprocess.Popen[str]:
        environment = scrubbed(os.environ, home=self.home, **self.environment)
        return subprocess.Popen(
            command, cwd=self.home, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str) -> Ended:
        """Run a command to its end."""
        return ended(self.start(*words))


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a run."""
    out, err = process.communicate(timeout=LONGEST)
    return Ended(process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """End a run as a power failure would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
