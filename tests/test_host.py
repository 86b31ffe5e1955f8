"""What we ask of this machine: whole writes, locks, stamps, and which file system holds a path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from io import FileIO
from pathlib import Path

import pytest

from pypitool.host import (
    file_system,
    hold_off,
    is_mount_point,
    is_network,
    is_settled,
    lock_now,
    locked,
    open_or_make,
    open_to_read,
    remove_foreign_link,
    scratch_directory,
    whole_file,
    write_whole,
)

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
40 22 0:40 / /srv rw,relatime shared:9 - nfs4 nas:/srv rw,vers=4.2
41 40 8:1 / /srv/local rw - xfs /dev/sdb rw
42 22 0:42 / /mnt/with\\040space rw shared:3 master:1 - fuse.sshfs nas:/ rw
43 22 0:43 / /mnt/merged rw - fuse.mergerfs a:b rw
44 22 8:2 / /data rw - ext4 /dev/sdc rw
45 44 0:45 / /data rw - cifs //nas/data rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/packages", "ext4"),
        ("/srv/packages", "nfs4"),
        ("/srvx", "ext4"),
        ("/srv/local/packages", "xfs"),
        ("/mnt/with space/a", "fuse.sshfs"),
        ("/data", "cifs"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_last_mount(path: str, expected: str) -> None:
    assert file_system(Path(path), MOUNTS) == expected


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.s3fs"])
def test_file_systems_of_other_machines_are_networks(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.mergerfs", ""])
def test_file_systems_of_this_machine_are_none(kind: str) -> None:
    assert not is_network(kind)


def test_a_small_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keeper.json"
    path.write_text("old")

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_whole_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("old")

    with whole_file(path, lambda new: new.chmod(0o640)) as file:
        file.write(b"new")
        seen = path.read_text()

    assert seen == "old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_whole_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("old")

    def refuse(new: Path) -> None:
        raise PermissionError("not yours")

    with pytest.raises(PermissionError), whole_file(path, refuse) as file:
        file.write(b"new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_is_held_until_its_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "keeper.asked"
    with locked(path, 0o640) as file, FileIO(open_or_make(path, 0o640)) as other:
        file.write(b"first")
        held = lock_now(other.fileno())
        file.close()

        assert held is False
        assert lock_now(other.fileno()) is True
    assert path.read_bytes() == b"first"


def test_shared_holders_hold_off_the_one_that_is_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.lock"
    with hold_off(path, shared=True), hold_off(path, shared=True), FileIO(open_or_make(path, 0o640)) as other:
        assert lock_now(other.fileno()) is False


def test_who_may_not_write_there_holds_nothing(tmp_path: Path) -> None:
    with hold_off(tmp_path / "missing" / "catalogue.lock"):
        pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "is_old"),
    [(1_000_000_001, 49_999_999), (3_000_000_000, 1_999_999_999)],
    ids=["a fine clock", "whole seconds"],
)
def test_a_young_file_is_not_trusted_yet(written: int, is_old: int) -> None:
    stamp = (written, written, 1, 1)

    assert not is_settled(stamp, written + is_old)
    assert is_settled(stamp, written + is_old + 1)


def test_no_link_is_followed_where_we_keep_a_file(tmp_path: Path) -> None:
    target, link = tmp_path / "of root alone", tmp_path / "facts.jsonl"
    link.symlink_to(target)

    for there in (False, True):
        if there:
            target.write_bytes(b"as it was")
        for opening in (
            lambda: open_or_make(link, 0o640),
            lambda: locked(link, 0o640),
            lambda: open_to_read(link),
            lambda: hold_off(link),
        ):
            with pytest.raises(OSError, match="it is a link, and none is followed there"):
                opening()
        assert target.exists() is there

    assert target.read_bytes() == b"as it was"


def test_a_small_file_is_written_whole_through_no_link(tmp_path: Path) -> None:
    target, path = tmp_path / "of root alone", tmp_path / "keeper.json"
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to(target)

    with pytest.raises(OSError, match="it is a link"):
        write_whole(path, b"new")

    assert not target.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of others")
def test_a_link_of_another_user_is_removed_and_our_own_is_not(tmp_path: Path) -> None:
    link = tmp_path / "activity.sqlite"
    link.symlink_to(tmp_path / "elsewhere")

    remove_foreign_link(link)
    assert link.is_symlink()

    os.lchown(link, 65534, 65534)
    remove_foreign_link(link)
    assert not link.is_symlink()


def test_a_scratch_directory_goes_with_its_block() -> None:
    with scratch_directory() as folder:
        (folder / "file").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_scratch_directory_goes_with_a_process_that_is_ended(tmp_path: Path, number: int) -> None:
    script = (
        "import sys, time; from pypitool.host import scratch_directory\n"
        "with scratch_directory() as folder:\n    print(folder, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    with process.stdout as told:
        folder = Path(told.readline().strip())
        process.send_signal(number)
        process.wait()

    assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, fresh, used = (tmp_path / f"pypitool-scratch-{name}" for name in ("left", "fresh", "used"))
    for folder in (left, fresh, used):
        folder.mkdir()
    for folder in (left, used):
        os.utime(folder, (0, 0))
    descriptor = os.open(used, os.O_RDONLY)
    lock_now(descriptor)

    with scratch_directory():
        pass
    os.close(descriptor)

    assert sorted(tmp_path.iterdir()) == [fresh, used]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", True), ("/mnt/with space", True), ("/mnt", False), ("/data/packages", False)],
)
def test_only_where_something_is_mounted_is_a_mount_point(path: str, expected: bool) -> None:
    assert is_mount_point(Path(path), MOUNTS) is expected
