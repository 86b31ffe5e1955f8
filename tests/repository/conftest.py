"""A record of what is going on, and the clock that it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.repository.activity import Activity


class Clock:
    """A clock that goes when it is told to."""

    now = 1_000_000.0 * 60

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def activity(tmp_path: Path, clock: Clock) -> Iterator[Activity]:
    with closing(Activity(tmp_path / "activity.sqlite", clock=clock)) as activity:
        yield activity
