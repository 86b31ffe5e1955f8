"""Start the upstream of the benchmark and ask how many requests it saw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bench.http import HOST, fetch
from bench.sync.upstream import COUNT

DELAY = 0.03  # seconds before each answer


class Loopback:
    """An upstream that runs while entered."""

    def __init__(self, offers: Sequence[str], *, large: Path | None = None, delay: float = DELAY) -> None:
        options = ["--delay", str(delay), *(f"--offer={name}" for name in offers)]
        options += [f"--large={large}"] if large is not None else []
        self._command = [sys.executable, "-m", "bench.sync.upstream", *options]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Loopback:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.communicate()  # closes its standard input, which ends it

    @property
    def root(self) -> str:
        """Its address without a path."""
        return f"http://{HOST}:{self.port}"

    def index(self, dialect: str) -> str:
        """The address of the simple index in `json` or `html`."""
        return f"{self.root}/{dialect}/simple/"

    def requests(self) -> int:
        """How many requests came since this was last asked."""
        return int(fetch(self.port, COUNT).body)
