"""A keeper survives whatever ends a turn, and says so where `doctor` looks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pypitool.core.errors import NoSpace
from pypitool.keeper import keeper
from pypitool.keeper.change_watcher import ChangeWatcher
from pypitool.keeper.file_events import ChangedPaths
from pypitool.keeper.keeper import Keeper
from pypitool.repository.contact import Heartbeat, Pulse, read_heartbeat
from pypitool.repository.repository import Repository
from tests.support.repositories import open_repository, paths
from tests.support.wheels import build_wheel


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setattr(keeper, "_AFTER_A_FAILURE", 0.01)
    with open_repository(tmp_path) as repository:
        build_wheel(repository.roots[0], "acme", "1.0")
        yield repository


class FailingWatcher(ChangeWatcher):
    """A watcher whose first turns fail."""

    errors: Sequence[Exception] = ()

    def __init__(self, roots: Sequence[Path], changes: ChangedPaths) -> None:
        super().__init__(roots, changes)
        self.left = list(self.errors)

    def before_walk(self) -> None:
        """Fail, or go on."""
        if self.left:
            raise self.left.pop(0)
        super().before_walk()


def failing(*raised: Exception) -> type[FailingWatcher]:
    class Watcher(FailingWatcher):
        errors = raised

    return Watcher


def life(repository: Repository) -> Heartbeat:
    found = read_heartbeat(repository.files)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Exceeds the limit"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        RecursionError(),
        MemoryError(),
        OSError(24, "Too many open files"),
        NoSpace("the catalogue"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_keeper_survives_whatever_ends_a_turn(
    repository: Repository, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    Keeper(repository, watcher=failing(error, error, error)).run(lambda: bool(paths(repository)))

    told = [record.getMessage() for record in caplog.records if "cannot be kept" in record.getMessage()]
    assert len(told) == 1, "it is said once"
    assert paths(repository) == ["acme-1.0-py3-none-any.whl"]


def test_while_its_turns_fail_its_sign_of_life_says_why(repository: Repository) -> None:
    seen: list[str] = []

    def stop() -> bool:
        found = read_heartbeat(repository.files)
        seen.append(found.failing if found is not None else "")
        return bool(seen[-1])

    Keeper(repository, watcher=failing(*[ValueError("odd")] * 1000)).run(stop)

    assert "ValueError: odd" in seen[-1]


def test_once_a_turn_has_gone_well_nothing_fails(repository: Repository) -> None:
    turns: list[int] = []

    def stop() -> bool:
        turns.append(1)
        return bool(paths(repository)) and len(turns) > 20

    Keeper(repository, watcher=failing(ValueError("odd"))).run(stop)

    assert life(repository).failing == ""
    assert life(repository).ended


def test_a_keeper_that_finds_another_one_dead_notes_it(repository: Repository) -> None:
    for _ in range(3):
        pulse = Pulse(repository.files)
        pulse.begin()
        pulse.beat()  # and no end

    assert len(life(repository).deaths) == 2


def test_a_keeper_that_ended_in_order_has_not_died(repository: Repository) -> None:
    for _ in range(3):
        pulse = Pulse(repository.files)
        pulse.begin()
        pulse.end()

    assert life(repository).deaths == ()
