"""Publishing: one name has one file, nobody sees half of it, and a crash leaves nothing or all of it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.catalogue.errors import ReleaseFileExists
from pypitool.core.errors import NoSpace, http_status
from pypitool.core.model import COPIED_IN, Location
from pypitool.repository.publish import Outcome
from pypitool.repository.recovery import Fate, settle_all
from pypitool.repository.releases import delete, plan_delete
from pypitool.repository.repository import Repository
from pypitool.store.failures import NotWritable, Occupied
from tests.support.disks import make_read_only, mounted_disk
from tests.support.repositories import (
    DEPLOY,
    UPLOADED,
    contents,
    leftovers,
    open_repository,
    paths,
    publish_wheel,
    scan,
)
from tests.support.waiting import LONGEST
from tests.support.wheels import build_wheel

ACME = "acme-1.0-py3-none-any.whl"
STEPS = ["written", "pending", "fact", "signed", "linked", "unlinked", "live"]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield repository


def test_a_published_file_is_listed_with_its_uploader_when_the_call_returns(repository: Repository) -> None:
    published = publish_wheel(repository, "Acme", "1.0")

    project = repository.catalogue.project(published.file.project)

    assert published.outcome is Outcome.CREATED
    assert project is not None
    (file,) = project.files
    assert (file.filename, file.origin, file.signed) == (ACME, UPLOADED, False)
    assert repository.catalogue.metadata(file.contents.metadata_sha256 or "")
    assert leftovers(repository) == []


def test_a_walk_finds_nothing_to_do_after_publishing(repository: Repository) -> None:
    scan(repository)
    published = publish_wheel(repository, "acme", "1.0")
    serial = repository.catalogue.serial()

    scan(repository)

    assert repository.catalogue.serial() == serial
    assert repository.catalogue.held_at(published.file.location) == published.file


def test_the_same_bytes_again_change_nothing(repository: Repository) -> None:
    first = publish_wheel(repository, "acme", "1.0")
    serial, facts = repository.catalogue.serial(), repository.facts.size()

    second = publish_wheel(repository, "acme", "1.0")

    assert (second.outcome, second.file) == (Outcome.UNCHANGED, first.file)
    assert (repository.catalogue.serial(), repository.facts.size()) == (serial, facts)
    assert leftovers(repository) == []


def test_second_upload_with_different_bytes_is_refused(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0")

    with pytest.raises(ReleaseFileExists, match=r"^File already exists: `acme-1.0") as raised:
        publish_wheel(repository, "acme", "1.0", salt=b"other")

    assert http_status(raised.value) == 409
    assert leftovers(repository) == []


def test_two_spellings_of_one_release_are_one_name(repository: Repository) -> None:
    publish_wheel(repository, "acme-core", "1.0")

    with pytest.raises(ReleaseFileExists):
        publish_wheel(
            repository, "acme-core", "1.0", salt=b"other", filename="Acme.Core-1.0.0-py3-none-any.whl"
        )


def test_overwriting_replaces_the_file_and_says_so(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0", signature=b"of the first")

    published = publish_wheel(repository, "acme", "1.0", salt=b"other", overwrite=True)

    assert published.outcome is Outcome.REPLACED
    assert paths(repository) == [ACME]
    assert b"salt" in contents(repository, ACME)
    assert not published.file.signed
    assert repository.store.look(Location(0, ACME + ".asc")) is None
    assert [fact.what for fact in repository.facts.replay()] == ["upload", "overwrite"]


def test_overwriting_with_the_same_bytes_changes_nothing(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0")

    assert publish_wheel(repository, "acme", "1.0", overwrite=True).outcome is Outcome.UNCHANGED


def test_overwriting_another_spelling_removes_it(repository: Repository) -> None:
    publish_wheel(repository, "acme-core", "1.0", filename="Acme.Core-1.0.0-py3-none-any.whl")

    publish_wheel(repository, "acme-core", "1.0", salt=b"other", overwrite=True)
    scan(repository)

    assert paths(repository) == ["acme_core-1.0-py3-none-any.whl"]


def test_a_signature_lies_beside_its_file(repository: Repository) -> None:
    published = publish_wheel(repository, "acme", "1.0", signature=b"signature")

    assert published.file.signed
    assert contents(repository, ACME + ".asc") == b"signature"


def test_a_refused_upload_does_not_touch_the_signature(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0", signature=b"signature")

    with pytest.raises(ReleaseFileExists):
        publish_wheel(repository, "acme", "1.0", salt=b"other", signature=b"forged")

    assert contents(repository, ACME + ".asc") == b"signature"


def test_a_file_copied_in_a_moment_ago_has_the_name(repository: Repository) -> None:
    build_wheel(repository.roots[0], "acme", "1.0")

    with pytest.raises(ReleaseFileExists):
        publish_wheel(repository, "acme", "1.0", salt=b"other")

    (file,) = repository.catalogue.files()
    assert file.origin == COPIED_IN


def test_a_file_copied_in_a_moment_ago_with_the_same_bytes_is_kept(repository: Repository) -> None:
    build_wheel(repository.roots[0], "acme", "1.0", extra_files={"salt": b""})

    assert publish_wheel(repository, "acme", "1.0").outcome is Outcome.UNCHANGED


def test_a_file_that_is_not_listed_is_not_replaced_either(repository: Repository) -> None:
    (repository.roots[0] / ACME).write_bytes(b"half of a wheel")

    with pytest.raises(Occupied, match=r"^File already exists") as raised:
        publish_wheel(repository, "acme", "1.0")

    assert http_status(raised.value) == 409
    assert (repository.roots[0] / ACME).read_bytes() == b"half of a wheel"
    assert repository.catalogue.pending() == ()


def test_overwriting_a_file_that_is_not_listed_solves_its_problem(repository: Repository) -> None:
    (repository.roots[0] / ACME).write_bytes(b"half of a wheel")
    scan(repository)
    before = repository.catalogue.problems()

    publish_wheel(repository, "acme", "1.0", overwrite=True)
    scan(repository)

    assert [problem.location.path for problem in before] == [ACME]
    assert repository.catalogue.problems() == ()


def test_a_name_whose_file_was_removed_by_hand_is_free_at_once(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0")
    (repository.roots[0] / ACME).unlink()

    assert publish_wheel(repository, "acme", "1.0", salt=b"other").outcome is Outcome.CREATED


def test_the_same_bytes_are_published_again_when_their_file_was_removed(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0")
    (repository.roots[0] / ACME).unlink()

    assert publish_wheel(repository, "acme", "1.0").outcome is Outcome.CREATED
    assert (repository.roots[0] / ACME).exists()


def test_one_of_eight_threads_wins_the_name(repository: Repository) -> None:
    outcomes = [race(repository, salts=[b"%d" % number for number in range(8)]) for _ in range(3)]

    assert outcomes == [["conflict"] * 7 + ["created"]] * 3


def test_eight_threads_with_the_same_bytes_all_succeed(repository: Repository) -> None:
    assert race(repository, salts=[b"same"] * 8) == ["created"] + ["unchanged"] * 7


def test_eight_overwriting_threads_follow_each_other(repository: Repository) -> None:
    outcomes = race(repository, salts=[b"%d" % number for number in range(8)], overwrite=True)

    assert outcomes == ["created"] + ["replaced"] * 7
    assert len(paths(repository)) == 1
    scan(repository)
    assert repository.catalogue.problems() == ()


@pytest.mark.process
def test_one_of_eight_processes_wins_the_name(tmp_path: Path, repository: Repository) -> None:
    gate = tmp_path / "gate"
    writers = [spawn(tmp_path, "publish", str(number), str(gate)) for number in range(8)]
    gate.write_text("go")

    ended = [json.loads(writer.communicate(timeout=LONGEST)[0]) for writer in writers]

    assert sorted(ended) == ["conflict"] * 7 + ["created"]
    assert paths(repository) == [ACME]
    assert repository.catalogue.pending() == ()
    assert leftovers(repository) == []


@pytest.mark.process
@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
@pytest.mark.parametrize("step", STEPS)
def test_a_writer_killed_at_any_step_leaves_nothing_or_the_whole_file(
    tmp_path: Path, repository: Repository, step: str, overwrite: bool
) -> None:
    if overwrite:
        publish_wheel(repository, "acme", "1.0", salt=b"before")
    assert killed(tmp_path, step, "overwrite" if overwrite else "new")

    settle_all(repository)
    repository.store.sweep(0)
    scan(repository)

    assert leftovers(repository) == []
    assert repository.catalogue.pending() == ()
    assert repository.catalogue.problems() == ()
    expected = [b"before"] if overwrite else []
    if step in ("linked", "unlinked", "live"):
        expected = [b"of the writer that dies"]
    assert [salt_of(contents(repository, path)) for path in paths(repository)] == expected
    assert [file.origin for file in repository.catalogue.files()] == [UPLOADED] * len(expected)
    signed = [file.signed for file in repository.catalogue.files()]
    assert len(list(repository.roots[0].glob("*.asc"))) == signed.count(True)


@pytest.mark.process
@pytest.mark.parametrize("step", ["pending", "linked"])
def test_a_dead_writers_name_can_be_published_at_once(
    tmp_path: Path, repository: Repository, step: str
) -> None:
    assert killed(tmp_path, step, "new")

    published = publish_wheel(repository, "acme", "1.0", salt=b"of the writer that dies")

    assert published.outcome is (Outcome.CREATED if step == "pending" else Outcome.UNCHANGED)


@pytest.mark.process
def test_a_living_writer_is_left_alone(tmp_path: Path, repository: Repository) -> None:
    writer = spawn(tmp_path, "stop", "linked", "new")
    try:
        os.waitid(os.P_PID, writer.pid, os.WSTOPPED)

        fates = settle_all(repository)
        scan(repository)

        assert fates == {ACME: Fate.ALIVE}
        assert paths(repository) == []
    finally:
        writer.send_signal(signal.SIGCONT)
    writer.communicate(timeout=LONGEST)
    assert writer.returncode == 0
    assert [file.origin for file in repository.catalogue.files()] == [UPLOADED]


def test_a_keeper_never_takes_a_file_from_its_uploader(repository: Repository) -> None:
    done = threading.Event()

    def keep() -> None:
        while not done.is_set():
            settle_all(repository)
            scan(repository)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        for number in range(200):
            publish_wheel(repository, "acme", f"1.{number}")
    finally:
        done.set()
        keeper.join()

    origins = [file.origin for file in repository.catalogue.files()]
    assert origins == [UPLOADED] * 200


def test_a_full_disk_is_507_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "packages0", megabytes=1), open_repository(tmp_path) as repository:
        with pytest.raises(NoSpace) as raised:
            publish_wheel(repository, "acme", "1.0", salt=os.urandom(2 << 20))

        assert http_status(raised.value) == 507
        assert leftovers(repository) == []
        assert publish_wheel(repository, "acme", "1.0").outcome is Outcome.CREATED


def test_a_full_disk_below_the_state_is_507_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "state", megabytes=1) as state, open_repository(tmp_path) as repository:
        filler = state / "filler"
        filler.write_bytes(bytes((os.statvfs(state).f_bavail) * 4096))

        with pytest.raises(NoSpace):
            publish_wheel(repository, "acme", "1.0")

        assert list(repository.roots[0].glob("*.whl")) == []
        filler.unlink()
        assert publish_wheel(repository, "acme", "1.0").outcome is Outcome.CREATED


def test_a_directory_that_became_read_only_is_503_and_nothing_changes(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "packages0", megabytes=1) as disk, open_repository(tmp_path) as repository:
        publish_wheel(repository, "acme", "1.0")
        make_read_only(disk)

        with pytest.raises(NotWritable) as raised:
            publish_wheel(repository, "acme", "2.0")
        with pytest.raises(NotWritable):
            delete(repository, plan_delete(repository, "acme"), DEPLOY)

        assert http_status(raised.value) == 503
        assert paths(repository) == [ACME]
        assert [fact.what for fact in repository.facts.replay()] == ["upload"]


def race(repository: Repository, *, salts: list[bytes], overwrite: bool = False) -> list[str]:
    """Publish under one name from several threads at once; return the outcomes, sorted."""
    outcomes: list[str] = []
    start = threading.Barrier(len(salts))
    version = f"1.{len(list(repository.facts.replay()))}"

    def write(salt: bytes) -> None:
        start.wait()
        try:
            published = publish_wheel(repository, "acme", version, salt=salt, overwrite=overwrite)
            outcomes.append(published.outcome.value)
        except ReleaseFileExists:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(salt,)) for salt in salts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def spawn(place: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a writer in a process of its own."""
    command = [sys.executable, "-m", "tests.support.writer", str(place), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def killed(place: Path, step: str, how: str) -> bool:
    """Let a writer die at a step, and tell whether it did."""
    writer = spawn(place, "die", step, how)
    writer.communicate(timeout=LONGEST)
    return writer.returncode == -signal.SIGKILL


def salt_of(wheel: bytes) -> bytes:
    """Tell which of the writers made these bytes."""
    return zipfile.ZipFile(io.BytesIO(wheel)).read("salt")
