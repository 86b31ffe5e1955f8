"""What is on record and did not come about: it takes nothing along, and the record says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.core.errors import NoSpace
from pypitool.core.fact import Actor
from pypitool.core.model import COPIED_IN, FileStat, HeldFile, Location
from pypitool.repository.recovery import settle_all
from pypitool.repository.releases import delete, plan_delete, yank
from pypitool.repository.repository import Repository
from pypitool.repository.scan import rescan
from pypitool.store.directory import DirectoryStore
from pypitool.store.failures import NotWritable
from pypitool.store.temporary import TemporaryFile
from tests.support.deleter import STEPS, killed
from tests.support.imports import ROOT
from tests.support.repositories import UPLOADED, open_repository, publish_wheel
from tests.support.wheels import Release, wheel_bytes, wheel_filename

NAME = "acme-1.0-py3-none-any.whl"
ADMIN = Actor("user:root")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """One file: uploaded by somebody, and yanked because it is broken."""
    with open_repository(tmp_path) as repository:
        publish_wheel(repository, "acme", "1.0", upload_time="2020-01-01T00:00:00.000000Z")
        yank(repository, "acme", "1.0", "broken", ADMIN)
        yield repository


@pytest.fixture
def reopened(tmp_path: Path, repository: Repository) -> Iterator[Callable[[bool], Repository]]:
    """Open it anew, with its catalogue or without, after what a keeper does."""
    opened: list[Repository] = []

    def reopen(is_lost: bool) -> Repository:
        if is_lost:
            for file in repository.state.glob("catalogue.sqlite*"):
                file.unlink()
        again = open_repository(tmp_path)
        opened.append(again)
        rescan(again)
        return again

    yield reopen
    for one in opened:
        one.close()


LOST = pytest.mark.parametrize("is_lost", [False, True], ids=["the catalogue is there", "it is lost"])


class StubbornStore(DirectoryStore):
    """A disk that lets nothing be removed (`chattr +i`)."""

    what: str

    def remove(self, location: Location) -> bool:
        """Refuse."""
        if location.path.endswith(self.what):
            raise NotWritable(self.roots[0], "Operation not permitted")
        return super().remove(location)


class RefusingStore(DirectoryStore):
    """A disk that is read-only."""

    def check_removable(self, location: Location) -> None:
        """Refuse."""
        raise NotWritable(self.roots[0], "Read-only file system")


class FullStore(DirectoryStore):
    """A disk without room for one more name."""

    def place(self, temporary: TemporaryFile, location: Location, *, overwrite: bool = False) -> FileStat:
        """Refuse."""
        raise NoSpace(str(self.roots[0]))


def stubborn(repository: Repository, what: str = ".whl") -> Repository:
    store = StubbornStore(repository.roots)
    store.what = what
    return replace(repository, store=store)


def refusing(repository: Repository) -> Repository:
    return replace(repository, store=RefusingStore(repository.roots))


def full(repository: Repository) -> Repository:
    return replace(repository, store=FullStore(repository.roots))


def held(repository: Repository) -> list[HeldFile]:
    return list(repository.catalogue.files())


def decided(repository: Repository) -> list[tuple[object, ...]]:
    return [(file.origin, file.upload_time, file.yanked) for file in held(repository)]


def recorded(repository: Repository) -> list[tuple[str, bool]]:
    return [(fact.what, fact.undone is not None) for fact in repository.facts.replay()]


def read_again(repository: Repository) -> None:
    """Touch every file, so that a walk reads it."""
    for file in repository.roots[0].glob("*.whl"):
        os.utime(file, (1, 1))


@LOST
def test_a_deletion_that_failed_takes_no_yank_and_no_uploader(
    repository: Repository, reopened: Callable[[bool], Repository], is_lost: bool
) -> None:
    before = decided(repository)

    with pytest.raises(NotWritable):
        delete(stubborn(repository), plan_delete(repository, "acme"), ADMIN)
    read_again(repository)

    again = reopened(is_lost)
    assert decided(again) == before
    assert recorded(again) == [("upload", False), ("yank", False), ("delete", True)]


def test_a_deletion_that_was_refused_undoes_no_earlier_one(repository: Repository) -> None:
    delete(repository, plan_delete(repository, "acme"), ADMIN)
    publish_wheel(repository, "acme", "1.0")

    with pytest.raises(NotWritable):
        delete(refusing(repository), plan_delete(repository, "acme"), ADMIN)

    assert recorded(repository)[2:] == [("delete", False), ("upload", False)]


def test_of_a_signature_that_stays_the_file_is_deleted_all_the_same(repository: Repository) -> None:
    with pytest.raises(NotWritable):
        delete(stubborn(repository, ".asc"), plan_delete(repository, "acme"), ADMIN)

    assert held(repository) == []
    assert recorded(repository)[2:] == [("delete", False)]


@pytest.mark.process
@LOST
def test_a_deletion_that_was_killed_before_the_file_was_gone_takes_nothing_along(
    tmp_path: Path, repository: Repository, reopened: Callable[[bool], Repository], is_lost: bool
) -> None:
    before = decided(repository)

    killed(tmp_path, "fact")
    read_again(repository)

    again = reopened(is_lost)
    assert decided(again) == before
    assert recorded(again) == [("upload", False), ("yank", False), ("delete", True)]
    assert again.catalogue.deletions() == ()


@pytest.mark.process
@LOST
@pytest.mark.parametrize("step", [step for step in STEPS if step != "fact"])
def test_a_deletion_that_was_killed_when_the_file_was_gone_came_about(
    tmp_path: Path,
    repository: Repository,
    reopened: Callable[[bool], Repository],
    step: str,
    is_lost: bool,
) -> None:
    body = (repository.roots[0] / NAME).read_bytes()

    killed(tmp_path, step)
    again = reopened(is_lost)
    assert held(again) == []
    (again.roots[0] / NAME).write_bytes(body)
    rescan(again)

    assert [(file.origin, file.yanked) for file in held(again)] == [(COPIED_IN, None)]
    assert recorded(again) == [("upload", False), ("yank", False), ("delete", False)]


def test_a_walk_while_a_deletion_is_under_way_does_not_take_it_for_a_failed_one(
    tmp_path: Path, repository: Repository
) -> None:
    delete(repository, plan_delete(repository, "acme"), ADMIN)
    publish_wheel(repository, "acme", "1.0", upload_time="2021-01-01T00:00:00.000000Z")

    rescan(repository)

    assert decided(repository) == [(UPLOADED, "2021-01-01T00:00:00.000000Z", None)]
    assert recorded(repository) == [("upload", False), ("yank", False), ("delete", False), ("upload", False)]


@LOST
def test_what_was_deleted_and_uploaded_again_is_not_yanked(
    repository: Repository, reopened: Callable[[bool], Repository], is_lost: bool
) -> None:
    delete(repository, plan_delete(repository, "acme"), ADMIN)
    publish_wheel(repository, "acme", "1.0", upload_time="2021-01-01T00:00:00.000000Z")

    again = reopened(is_lost)

    assert decided(again) == [(UPLOADED, "2021-01-01T00:00:00.000000Z", None)]


@pytest.mark.process
def test_a_name_that_is_uploaded_anew_after_a_killed_deletion_is_not_yanked(
    tmp_path: Path, repository: Repository
) -> None:
    killed(tmp_path, "unlinked")

    with open_repository(tmp_path) as again:
        publish_wheel(again, "acme", "1.0", salt=b"mended")
        rescan(again)

        assert [file.yanked for file in held(again)] == [None]
        assert again.catalogue.deletions() == ()


@LOST
def test_an_upload_for_which_there_was_no_room_is_on_record_as_undone(
    repository: Repository, reopened: Callable[[bool], Repository], is_lost: bool
) -> None:
    with pytest.raises(NoSpace):
        publish_wheel(full(repository), "other", "1.0")
    copied = wheel_of(repository, "other")
    rescan(repository)

    again = reopened(is_lost)

    assert [file.origin for file in held(again) if file.project == "other"] == [COPIED_IN]
    assert recorded(again)[-1] == ("upload", True)
    assert copied.exists()


@pytest.mark.process
@LOST
@pytest.mark.parametrize(("step", "is_undone"), [("pending", None), ("fact", True), ("linked", False)])
def test_an_upload_that_was_killed_is_undone_where_it_has_no_name(
    tmp_path: Path, step: str, is_undone: bool | None, is_lost: bool
) -> None:
    command = [sys.executable, "-m", "tests.support.writer", str(tmp_path), "die", step, "new"]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -signal.SIGKILL

    with open_repository(tmp_path) as repository:
        rescan(repository)
        uploads = [undone for what, undone in recorded(repository) if what == "upload"]
        assert uploads == ([] if is_undone is None else [is_undone])
        settle_all(repository)
        assert len(recorded(repository)) == len(uploads)
        if is_undone:
            publish_wheel(repository, "acme", "1.0", salt=b"of the writer that dies")
            assert recorded(repository) == [("upload", True), ("upload", False)]
        if is_lost:
            for file in repository.state.glob("catalogue.sqlite*"):
                file.unlink()
    with open_repository(tmp_path) as again:
        rescan(again)
        assert [file.origin for file in held(again)] == [UPLOADED] * (step != "pending")


def test_an_earlier_upload_of_the_same_bytes_is_not_undone_with_a_later_one(repository: Repository) -> None:
    delete(repository, plan_delete(repository, "acme"), ADMIN)

    with pytest.raises(NoSpace):
        publish_wheel(full(repository), "acme", "1.0", upload_time="2020-01-01T00:00:00.000000Z")

    assert [undone for what, undone in recorded(repository) if what == "upload"] == [False, True]


def wheel_of(repository: Repository, name: str) -> Path:
    """Copy in what `publish_wheel` would have brought."""
    release = Release(name, "1.0")
    file = repository.roots[0] / wheel_filename(release)
    file.write_bytes(wheel_bytes(release, extra_files={"salt": b""}))
    return file
