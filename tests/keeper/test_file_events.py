"""Events, glances and questions all end in the same set of places to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pypitool.core.model import Location
from pypitool.core.state_files import StateFiles
from pypitool.keeper.change_watcher import ChangeWatcher, FolderTimes
from pypitool.keeper.file_events import ChangedPaths, FolderWatcher, TakenPaths, count_folders
from pypitool.repository.contact import (
    Heartbeat,
    Pulse,
    put_in_inbox,
    read_heartbeat,
    take_inbox,
    write_heartbeat,
)
from tests.support.waiting import LONGEST, wait_until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "packages"
    root.mkdir()
    return root


@pytest.fixture
def changes() -> ChangedPaths:
    return ChangedPaths()


@pytest.fixture
def watcher(root: Path, changes: ChangedPaths) -> Iterator[FolderWatcher]:
    (root / "there" / "before").mkdir(parents=True)
    watcher = FolderWatcher([root], changes)
    watcher.start()
    yield watcher
    watcher.stop()


def files(*paths: str) -> frozenset[Location]:
    return frozenset(Location(0, path) for path in paths)


def drain(changes: ChangedPaths) -> None:
    """Take everything that is noted, until nothing more comes."""
    assert changes.wait(LONGEST)
    while changes.wait(0.3):
        changes.take()


def write(path: Path) -> None:
    path.write_bytes(b"bytes")


def replace_by_rename(path: Path) -> None:
    (path.parent / ".new").write_bytes(b"bytes")
    (path.parent / ".new").replace(path)


@pytest.mark.parametrize("change", [write, replace_by_rename])
@pytest.mark.parametrize("path", ["a-1.zip", "there/before/a-1.zip"])
@pytest.mark.usefixtures("watcher")
def test_a_file_that_comes_is_noted(
    root: Path, changes: ChangedPaths, change: Callable[[Path], None], path: str
) -> None:
    change(root / path)

    assert changes.wait(LONGEST)
    assert changes.take().files == files(path)


@pytest.mark.usefixtures("watcher")
def test_a_file_that_goes_is_noted(root: Path, changes: ChangedPaths) -> None:
    write(root / "a-1.zip")
    drain(changes)

    (root / "a-1.zip").unlink()

    wait_until(lambda: changes.take().files == files("a-1.zip"), what="the removal is noted")


@pytest.mark.usefixtures("watcher")
def test_a_signature_means_its_file(root: Path, changes: ChangedPaths) -> None:
    write(root / "a-1.zip.asc")

    assert changes.wait(LONGEST)
    assert changes.take().files == files("a-1.zip")


@pytest.mark.usefixtures("watcher")
def test_hidden_names_are_passed_over(root: Path, changes: ChangedPaths) -> None:
    (root / ".pypitool").mkdir()
    write(root / ".pypitool" / "a-1.zip")
    write(root / ".a-1.zip")
    write(root / "b-1.zip")

    assert changes.wait(LONGEST)
    assert changes.take() == TakenPaths(files("b-1.zip"))


@pytest.mark.usefixtures("watcher")
def test_reading_files_is_no_event(root: Path, changes: ChangedPaths) -> None:
    write(root / "a-1.zip")
    drain(changes)

    (root / "a-1.zip").read_bytes()
    os.listdir(root)
    write(root / "b-1.zip")

    assert changes.wait(LONGEST)
    assert changes.take().files == files("b-1.zip")


@pytest.mark.usefixtures("watcher")
def test_a_folder_that_is_moved_in_is_noted(root: Path, changes: ChangedPaths) -> None:
    outside = root.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    write(outside / "deep" / "a-1.zip")

    outside.rename(root / "inside")

    wait_until(lambda: Location(0, "inside") in changes.take().folders, what="the folder is noted")


def test_every_folder_is_watched(watcher: FolderWatcher, root: Path) -> None:
    assert watcher.is_whole()
    assert count_folders(root) == 3


def test_a_watcher_that_was_stopped_is_not_whole(watcher: FolderWatcher) -> None:
    watcher.stop()

    assert not watcher.is_whole()


def test_a_directory_that_is_missing_is_not_watched(tmp_path: Path, changes: ChangedPaths) -> None:
    watcher = FolderWatcher([tmp_path / "missing"], changes)

    watcher.start()

    assert not watcher.is_whole()
    watcher.stop()


def test_a_burst_of_events_counts_as_everything(root: Path, changes: ChangedPaths) -> None:
    for number in range(2001):
        changes.file(Location(0, f"{number}.zip"))

    assert changes.take() == TakenPaths(everything=True)
    assert changes.take() == TakenPaths()


def test_folders_in_noted_folders_are_left_out(changes: ChangedPaths) -> None:
    for path in ("a/b", "a", "ab", "a/c/d"):
        changes.folder(Location(0, path))
    changes.folder(Location(1, "a"))

    assert changes.take().folders == {Location(0, "a"), Location(0, "ab"), Location(1, "a")}


def test_the_lag_is_the_age_of_the_oldest_note(changes: ChangedPaths) -> None:
    assert (changes.lag, changes.wait(0.0)) == (0.0, False)

    changes.everything()

    assert wait_until(lambda: changes.lag, what="time passes") > 0
    assert changes.wait(0.0)


def test_a_glance_sees_folders_where_something_came_or_went(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / ".hidden").mkdir()
    times = FolderTimes([root])
    times.remember()

    write(root / ".hidden" / "x")
    nothing = times.changed()
    write(root / "a" / "b" / "x.zip")
    first = times.changed()
    (root / "a" / "new").mkdir()
    second = times.changed()
    write(root / "a" / "new" / "x.zip")
    third = times.changed()
    os.rename(root / "a", root / "c")
    fourth = times.changed()

    assert nothing == []
    assert first == [Location(0, "a/b")]
    assert second == [Location(0, "a")]
    assert third == [Location(0, "a/new")]
    assert set(fourth) >= {Location(0, ""), Location(0, "a")}
    assert times.changed() == []


class Blind:
    """A watcher of a system that lets nothing be watched."""

    def __init__(self, roots: Sequence[Path], changes: ChangedPaths) -> None:
        self.started = 0

    def start(self) -> None:
        """Watch nothing."""
        self.started += 1

    def stop(self) -> None:
        """Nothing to do."""

    def is_whole(self) -> bool:
        """Never."""
        return False


def test_where_nothing_can_be_watched_folders_are_looked_at(
    root: Path, changes: ChangedPaths, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = ChangeWatcher([root], changes, Blind)
    watcher.start()
    write(root / "a-1.zip")

    watcher.turn()

    assert not watcher.is_whole
    assert changes.take().folders == {Location(0, "")}
    assert "not every folder can be watched" in caplog.text


def test_what_a_worker_asks_about_is_taken_once(tmp_path: Path) -> None:
    put_in_inbox(StateFiles(tmp_path), Location(0, "a-1.zip"))
    put_in_inbox(StateFiles(tmp_path), Location(1, "sub/é.zip"))
    asked = tmp_path / "keeper.asked"
    asked.write_text(asked.read_text() + "garbage\n[1]\n")

    first, second = take_inbox(StateFiles(tmp_path)), take_inbox(StateFiles(tmp_path))

    assert first == {Location(0, "a-1.zip"), Location(1, "sub/é.zip")}
    assert second == frozenset()


def test_questions_to_a_keeper_that_is_not_there_do_not_grow(tmp_path: Path) -> None:
    for _ in range(3000):
        put_in_inbox(StateFiles(tmp_path), Location(0, "a-1.0-py3-none-any.whl"))

    assert (tmp_path / "keeper.asked").stat().st_size <= 64 * 1024


def test_asking_never_fails(tmp_path: Path) -> None:
    put_in_inbox(StateFiles(tmp_path / "missing"), Location(0, "a-1.zip"))

    assert take_inbox(StateFiles(tmp_path / "missing")) == frozenset()


def test_a_heartbeat_is_read_back(tmp_path: Path) -> None:
    heartbeat = Heartbeat(7, 100.0, scanning=True, read=3, to_read=9, lag=0.5)

    assert read_heartbeat(StateFiles(tmp_path)) is None
    write_heartbeat(StateFiles(tmp_path), heartbeat)

    assert read_heartbeat(StateFiles(tmp_path)) == heartbeat
    assert heartbeat.age(104.0) == 4.0


def test_a_torn_heartbeat_is_none(tmp_path: Path) -> None:
    (tmp_path / "keeper.json").write_text('{"pid": 7')

    assert read_heartbeat(StateFiles(tmp_path)) is None


def test_a_pulse_keeps_what_it_said_before(tmp_path: Path) -> None:
    pulse = Pulse(StateFiles(tmp_path))

    pulse.beat(unsettled=3)
    pulse.beat(scanning=True)

    found = read_heartbeat(StateFiles(tmp_path))
    assert found is not None
    assert (found.pid, found.unsettled, found.scanning) == (os.getpid(), 3, True)
    assert pulse.due > found.at
