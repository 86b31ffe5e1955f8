from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pypitool.__main__ import main
from tests.support.wheels import build_sdist, build_wheel


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The JSON document on standard error."""
        return json.loads(self.err)

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a table in a pipe."""
        return [line.split("\t") for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A directory with two projects: acme-core in three releases, and other."""
    directory = tmp_path / "packages"
    directory.mkdir()
    for version in ("1.0", "1.1", "2.0b1"):
        build_wheel(directory, "acme-core", version)
    build_sdist(directory, "acme-core", "1.0")
    build_wheel(directory, "other", "0.1", requires_python=">=3.9")
    return directory


@pytest.fixture
def run(packages: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the directory, through the boundary."""

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code = main([*words, "--packages", str(packages)])
        return Ended(code, *capsys.readouterr())

    return run
