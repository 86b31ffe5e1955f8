"""A machine with a real systemd, one for all tests, and fresh for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.booted import Booted, alone, shared_machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test the time that the Debian takes, and mark them all."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1200))
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def booted(
    tmp_path_factory: pytest.TempPathFactory, debian: Path, wheels: Path, worker_id: str
) -> Iterator[Booted]:
    """The machine, the same for all workers of pytest."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    with shared_machine(folder / "systemd", debian, wheels) as machine:
        yield machine


@pytest.fixture
def machine(booted: Booted) -> Iterator[Booted]:
    """The machine, as if nobody had ever used it."""
    with alone(booted.folder):
        booted.reset()
        yield booted
