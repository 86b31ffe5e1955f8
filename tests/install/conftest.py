"""A checkout in which `make dist` was typed, and people who have what it built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.support.newcomer import Newcomer, chapter, console

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A checkout with the wheel and the sdist in `dist`; nobody changes it."""
    newcomer = Newcomer.arrive(tmp_path_factory.mktemp("builder") / "home", wheels)
    folder = newcomer.clone()
    newcomer.types(console(chapter(README, "## Install"))[:1], where=folder)
    return folder


@pytest.fixture
def newcomer(tmp_path: Path, wheels: Path) -> Newcomer:
    """Somebody with an empty home."""
    return Newcomer.arrive(tmp_path / "home", wheels)
