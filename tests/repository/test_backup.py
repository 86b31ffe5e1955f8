"""Saving and restoring the state, while others use it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import FileFact, ScanBatch
from pypitool.catalogue.errors import CatalogueMissing
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import open_catalogue
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.errors import NoSpace
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.state_files import StateFiles
from pypitool.repository.activity import Activity
from pypitool.repository.backup import BackupUnusable, BackupUnwritable, backup, restore
from tests.catalogue.held import name, wheel
from tests.support.disks import mounted_disk
from tests.support.waiting import LONGEST, wait_until

ACTOR = Actor("user:deploy")


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    """A state with one file, yanked, and a failed login."""
    (tmp_path / "state").mkdir()
    files = StateFiles(tmp_path / "state")
    with closing(open_state(files)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("foo", metadata="Name: foo")]))
        catalogue.set_complete(catalogue.serial())
        yank(files, catalogue, "bad")
    fail(files, 9)
    return files


def open_state(files: StateFiles) -> SqliteCatalogue:
    return open_catalogue(files.catalogue, FactLog(files.facts))


def yank(files: StateFiles, catalogue: SqliteCatalogue, reason: str) -> None:
    file = wheel("foo")
    FactLog(files.facts).append(
        Fact(What.YANK, ACTOR, file.project, file.version, file.filename, reason=reason)
    )
    catalogue.decide(FileFact(file.filename, file.project, yanked=reason))


def fail(files: StateFiles, times: int) -> None:
    with closing(Activity(files.activity)) as activity:
        for _ in range(times):
            activity.note_failure("10.0.0.7", "deploy")


def reason_of_yank(catalogue: SqliteCatalogue) -> str | None:
    found = catalogue.held_at(wheel("foo").location)
    return found.yanked if found else "not held"


def test_a_backup_brings_back_all_three(files: StateFiles, tmp_path: Path) -> None:
    facts = files.facts.read_bytes()
    made = backup(files.directory, tmp_path / "backup.tar")
    with closing(open_state(files)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("bar")]))
        yank(files, catalogue, "worse")
    files.activity.unlink()

    restored = restore(tmp_path / "backup.tar", files.directory)

    assert (made.projects, made.files) == (restored.projects, restored.files) == (1, 1)
    assert made.created == restored.created
    assert files.facts.read_bytes() == facts
    with closing(open_state(files)) as catalogue:
        assert catalogue.project_names() == ("foo",)
        assert reason_of_yank(catalogue) == "bad"
    with closing(Activity(files.activity)) as activity:
        assert activity.delay("10.0.0.7", "deploy") > 0


def test_a_backup_makes_a_new_state_on_another_machine(files: StateFiles, tmp_path: Path) -> None:
    backup(files.directory, tmp_path / "backup.tar")
    new = StateFiles(tmp_path / "new")
    new.directory.mkdir()

    restore(tmp_path / "backup.tar", new.directory)

    with closing(open_state(new)) as catalogue:
        assert reason_of_yank(catalogue) == "bad"
    assert {found.name for found in new.directory.iterdir() if found.suffix in (".sqlite", ".jsonl")} == {
        "activity.sqlite",
        "catalogue.sqlite",
        "facts.jsonl",
    }


def test_the_log_that_was_there_is_kept(files: StateFiles, tmp_path: Path) -> None:
    backup(files.directory, tmp_path / "backup.tar")
    with closing(open_state(files)) as catalogue:
        yank(files, catalogue, "worse")
    before = files.facts.read_bytes()

    restore(tmp_path / "backup.tar", files.directory)

    (kept,) = files.directory.glob("facts.jsonl.replaced-*")
    assert kept.read_bytes() == before


def test_running_workers_go_over_to_what_was_restored(files: StateFiles, tmp_path: Path) -> None:
    backup(files.directory, tmp_path / "backup.tar")
    with closing(open_state(files)) as running:
        running.apply_scan(ScanBatch([wheel("bar")]))
        yank(files, running, "worse")
        stamp, serial = running.stamp(), running.serial()

        restore(tmp_path / "backup.tar", files.directory)

        wait_until(lambda: running.stamp() != stamp, what="the stamp changes")
        changes = running.changes_since(serial)
        assert changes.everything
        assert changes.serial > serial
        assert running.project_names() == ("foo",)
        assert reason_of_yank(running) == "bad"
        assert not running.is_complete()
        # What is decided from now on is in the new log and the new catalogue.
        yank(files, running, "worst")
    with closing(open_state(files)) as catalogue:
        assert reason_of_yank(catalogue) == "worst"


def test_a_backup_under_load_is_one_moment_and_stops_nobody(files: StateFiles, tmp_path: Path) -> None:
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(open_state(files)) as catalogue:
            while not stop.is_set():
                # Two files in each transaction: a backup holds both or none.
                number = len(written)
                catalogue.apply_scan(ScanBatch([wheel("a", str(number)), wheel("b", str(number))]))
                written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(written) > 5, what="something is written")
    for number in range(3):
        backup(files.directory, tmp_path / f"{number}.tar")
    stop.set()
    writer.join(LONGEST)

    new = tmp_path / "new"
    new.mkdir()
    restore(tmp_path / "2.tar", new)
    with closing(open_state(StateFiles(new))) as catalogue:
        first, second = catalogue.held(name("a")), catalogue.held(name("b"))
    assert [file.version for file in first] == [file.version for file in second]
    assert len(first) > 5


def test_facts_that_the_catalogue_of_a_backup_lacks_are_caught_up(files: StateFiles, tmp_path: Path) -> None:
    file = wheel("foo")
    FactLog(files.facts).append(Fact(What.UNYANK, ACTOR, file.project, "1.0", file.filename))
    backup(files.directory, tmp_path / "backup.tar")

    restore(tmp_path / "backup.tar", files.directory)

    with closing(open_state(files)) as catalogue:
        assert reason_of_yank(catalogue) is None


def test_a_backup_is_for_its_owner_only_and_replaces_the_last_one(files: StateFiles, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    file.write_text("the last one")

    backup(files.directory, file)

    assert file.stat().st_mode & 0o777 == 0o600
    assert tarfile.is_tarfile(file)
    assert {found.name for found in tmp_path.iterdir()} == {"backup.tar", "state"}


def test_a_damaged_catalogue_is_replaced_by_a_restore(files: StateFiles, tmp_path: Path) -> None:
    backup(files.directory, tmp_path / "backup.tar")
    files.catalogue.write_bytes(os.urandom(10_000))

    restore(tmp_path / "backup.tar", files.directory)

    with closing(open_state(files)) as catalogue:
        assert reason_of_yank(catalogue) == "bad"


def rewrite(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the members of a backup."""
    with tarfile.open(file) as archive:
        members = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(file, "w") as archive:
        for member, body in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))


def change_manifest(members: dict[str, bytes], **changes: object) -> None:
    members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), **changes}).encode()


def rename_a_file(members: dict[str, bytes]) -> None:
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["../evil"] = manifest["files"]["facts.jsonl"]
    members["../evil"] = members["facts.jsonl"]
    members["manifest.json"] = json.dumps(manifest).encode()


def damage_the_catalogue(members: dict[str, bytes]) -> None:
    """Damage it before it was backed up: its digest agrees."""
    body = members["catalogue.sqlite"]
    damaged = body[:4096] + bytes(len(body) - 4096)
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["catalogue.sqlite"]["sha256"] = hashlib.sha256(damaged).hexdigest()
    members["catalogue.sqlite"] = damaged
    members["manifest.json"] = json.dumps(manifest).encode()


def change_a_part(members: dict[str, bytes], **said: object) -> None:
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["facts.jsonl"].update(said)
    members["manifest.json"] = json.dumps(manifest).encode()


CHANGES: dict[str, Callable[[dict[str, bytes]], object]] = {
    "a changed byte": lambda members: members.update({"facts.jsonl": b"x" + members["facts.jsonl"][1:]}),
    "a cut off file": lambda members: members.update({"catalogue.sqlite": members["catalogue.sqlite"][:-1]}),
    "a missing file": lambda members: members.pop("facts.jsonl"),
    "no manifest": lambda members: members.pop("manifest.json"),
    "an empty manifest": lambda members: members.update({"manifest.json": b"{}"}),
    "a list for a manifest": lambda members: members.update({"manifest.json": b"[]"}),
    "a nested manifest": lambda members: members.update({"manifest.json": b"[" * 60_000}),
    "a moment that is none": lambda members: change_manifest(members, created="<script>"),
    "a format that is no number": lambda members: change_manifest(members, format={}),
    "a list of files": lambda members: change_manifest(members, files=["catalogue.sqlite", "facts.jsonl"]),
    "a size that is none": lambda members: change_a_part(members, size="many"),
    "a size of another": lambda members: change_a_part(members, size=5),
    "a digest that is none": lambda members: change_a_part(members, sha256=None),
    "files of somebody else": lambda members: members.update({f"other{n}": b"" for n in range(20)}),
    "a newer format": lambda members: change_manifest(members, format=2),
    "too few files": lambda members: change_manifest(members, files={}),
    "a path that leads out": rename_a_file,
    "a damaged catalogue": damage_the_catalogue,
}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE]
)
def test_a_backup_holds_plain_files_alone(files: StateFiles, tmp_path: Path, kind: bytes) -> None:
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo("manifest.json"))
        odd = tarfile.TarInfo("facts.jsonl")
        odd.type, odd.linkname = kind, "manifest.json"
        archive.addfile(odd)

    with pytest.raises(BackupUnusable, match="no plain file"):
        restore(file, files.directory)


def test_a_backup_that_would_fill_the_disk_is_refused_before_it_is_written(
    files: StateFiles, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(files.directory, file)
    rewrite(file, lambda members: change_a_part(members, size=10**18))

    with pytest.raises(NoSpace):
        restore(file, files.directory)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_backup_that_is_not_whole_is_refused_before_anything_changes(
    files: StateFiles, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    file = tmp_path / "backup.tar"
    backup(files.directory, file)
    rewrite(file, change)
    before = contents(files.directory)

    with pytest.raises(BackupUnusable, match="cannot be restored: "):
        restore(file, files.directory)

    assert contents(files.directory) == before


def contents(directory: Path) -> dict[str, bytes]:
    return {found.name: found.read_bytes() for found in directory.iterdir()}


@pytest.mark.parametrize("length", [0, 100, 600, 30_000])
def test_a_backup_that_was_cut_off_is_refused(files: StateFiles, tmp_path: Path, length: int) -> None:
    file = tmp_path / "backup.tar"
    backup(files.directory, file)
    os.truncate(file, length)

    with pytest.raises(BackupUnusable):
        restore(file, files.directory)


def test_a_file_that_is_not_there_is_named(files: StateFiles, tmp_path: Path) -> None:
    with pytest.raises(BackupUnusable, match="there is no such file"):
        restore(tmp_path / "nothing.tar", files.directory)


def test_a_place_that_cannot_be_written_is_named(files: StateFiles, tmp_path: Path) -> None:
    with pytest.raises(BackupUnwritable, match=r"cannot write to .*nowhere: No such file"):
        backup(files.directory, tmp_path / "nowhere" / "backup.tar")


def test_a_full_disk_leaves_nothing_of_a_backup(files: StateFiles, tmp_path: Path) -> None:
    with closing(open_state(files)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("many", str(number)) for number in range(2000)]))

    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        with pytest.raises(NoSpace):
            backup(files.directory, disk / "backup.tar")

        assert list(disk.iterdir()) == []


def test_a_full_disk_leaves_the_state_as_it_was(files: StateFiles, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    backup(files.directory, file)
    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        state = StateFiles(disk)
        with closing(open_state(state)) as catalogue:
            catalogue.apply_scan(ScanBatch([wheel("foo")]))
            yank(state, catalogue, "mine")
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(2 * 1024 * 1024))

        with pytest.raises(NoSpace):
            restore(file, disk)

        (disk / "filler").unlink()
        with closing(open_state(state)) as catalogue:
            assert reason_of_yank(catalogue) == "mine"
        assert not list(disk.glob(".backup-*"))


def test_a_state_that_was_never_used_cannot_be_backed_up(tmp_path: Path) -> None:
    with pytest.raises(CatalogueMissing, match="there is no catalogue at"):
        backup(tmp_path, tmp_path / "backup.tar")

    assert list(tmp_path.iterdir()) == []
