"""What the directory store meets on real file systems: links, pipes, odd names, full and read-only disks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pypitool.core.errors import NoSpace, http_status
from pypitool.core.model import Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store import directory as directory_module
from pypitool.store.directory import DirectoryStore
from pypitool.store.failures import NoSuchFile, NotWritable, Occupied
from pypitool.store.opened import opened_folder
from tests.support.disks import make_read_only, mounted_disk

NAME = "acme-1.0.zip"
HERE = Location(0, NAME)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "packages"
    root.mkdir()
    return root


@pytest.fixture
def store(root: Path) -> DirectoryStore:
    return DirectoryStore((root,))


def test_folders_count_and_their_files_come_in_order_of_path(root: Path, store: DirectoryStore) -> None:
    paths = ["a-1.zip", "a/b-1.zip", "a/b/c-1.zip", "a0.zip", "b/d-1.zip"]
    for path in paths:
        write(root / path)

    walked = [found.location.path for found in store.walk(0)]

    assert walked == sorted(paths) == [found.location.path for found in store.walk(0)]
    assert [found.location.path for found in store.walk(0, "a")] == ["a/b-1.zip", "a/b/c-1.zip"]
    assert list(store.walk(0, "nothing")) == []


def test_names_that_begin_with_a_dot_are_not_there(root: Path, store: DirectoryStore) -> None:
    write(root / ".acme-1.0.zip")
    write(root / ".git" / NAME)

    assert list(store.walk(0)) == []
    assert list(store.walk(0, ".git")) == []


def test_a_link_that_stays_inside_is_a_file(root: Path, store: DirectoryStore) -> None:
    write(root / "pool" / NAME, b"bytes")
    (root / NAME).symlink_to("pool/acme-1.0.zip")

    found = store.look(HERE)

    assert isinstance(found, Walked)
    with store.open(HERE) as opened:
        assert opened.stat == found.stat
    assert found in list(store.walk(0))


def test_a_link_into_another_root_is_a_file(tmp_path: Path) -> None:
    write(tmp_path / "one" / "x")
    write(tmp_path / "two" / NAME)
    (tmp_path / "one" / NAME).symlink_to(tmp_path / "two" / NAME)
    store = DirectoryStore((tmp_path / "one", tmp_path / "two"))

    assert isinstance(store.look(HERE), Walked)


def test_a_link_that_leads_out_is_reported_and_not_served(
    tmp_path: Path, root: Path, store: DirectoryStore
) -> None:
    write(tmp_path / "secret")
    (root / NAME).symlink_to(tmp_path / "secret")
    refused = Unreadable(HERE, "it is a symbolic link that leads out of the package directories")

    assert list(store.walk(0)) == [refused]
    assert store.look(HERE) == refused
    with pytest.raises(NoSuchFile):
        store.open(HERE)


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path, root: Path, store: DirectoryStore) -> None:
    write(tmp_path / "elsewhere" / NAME)
    (root / "linked").symlink_to(tmp_path / "elsewhere")

    assert list(store.walk(0)) == []
    assert list(store.walk(0, "linked")) == []
    assert store.look(Location(0, f"linked/{NAME}")) is None
    with pytest.raises(NoSuchFile):
        store.open(Location(0, f"linked/{NAME}"))


def test_a_dangling_link_is_nothing(root: Path, store: DirectoryStore) -> None:
    (root / NAME).symlink_to("nowhere")

    assert list(store.walk(0)) == []
    with pytest.raises(NoSuchFile):
        store.open(HERE)


def test_a_named_pipe_is_nothing_and_blocks_nobody(root: Path, store: DirectoryStore) -> None:
    os.mkfifo(root / NAME)

    assert list(store.walk(0)) == []
    with pytest.raises(NoSuchFile):
        store.open(HERE)


def test_a_folder_with_the_name_of_a_package_is_nothing(root: Path, store: DirectoryStore) -> None:
    (root / NAME).mkdir()

    assert list(store.walk(0)) == []
    with pytest.raises(NoSuchFile):
        store.open(HERE)


def test_names_that_are_not_utf8_are_reported_in_a_form_that_can_be_shown(
    root: Path, store: DirectoryStore
) -> None:
    for name in (b"caf\xe9-1.0.zip", b"notes\xe9.txt"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"")
    os.mkdir(os.fsencode(root) + b"/d\xe9p")

    found = list(store.walk(0))

    assert found == [
        Unreadable(Location(0, "caf\\xe9-1.0.zip"), "its name is not UTF-8"),
        Unreadable(Location(0, "d\\xe9p/"), "its name is not UTF-8"),
    ]
    assert store.look(Location(0, os.fsdecode(b"caf\xe9-1.0.zip"))) == found[0]


def test_a_root_that_is_not_there_is_reported_and_not_empty(tmp_path: Path) -> None:
    store = DirectoryStore((tmp_path / "not mounted",))

    assert list(store.walk(0)) == [
        Unreadable(Location(0, ""), "it cannot be listed: no such file or directory")
    ]


def test_the_hidden_folder_is_for_whoever_may_write_into_its_folder(
    root: Path, store: DirectoryStore
) -> None:
    root.chmod(0o2775)

    with store.temporary():
        pass

    assert (root / ".pypitool" / "incoming").stat().st_mode & 0o7777 == 0o2770


def test_a_placed_file_can_be_read_by_everybody(root: Path, store: DirectoryStore) -> None:
    before = os.umask(0o077)
    try:
        place(store)
    finally:
        os.umask(before)

    assert (root / NAME).stat().st_mode & 0o777 == 0o644


def test_a_sweep_leaves_the_files_of_living_writers(root: Path, store: DirectoryStore) -> None:
    left = root / ".pypitool" / "incoming" / "0123.part"
    with store.temporary() as living:
        left.write_bytes(b"of a writer that is gone")

        swept = store.sweep(0)

        assert swept == ("0123.part",)
        assert (root / living.location.path).exists()


@pytest.mark.parametrize("refused", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_links_are_not_supported_a_name_is_still_given_once(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(refused))

    place(store, b"first")
    with pytest.raises(Occupied):
        place(store, b"second")

    assert read(store) == b"first"


def test_without_any_atomic_call_the_name_is_reserved_first(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    monkeypatch.setattr(directory_module, "rename_noreplace", refusing(errno.EINVAL))

    place(store, b"first")
    with pytest.raises(Occupied):
        place(store, b"second")

    assert read(store) == b"first"


def test_a_link_whose_answer_was_lost_counts(root: Path, store: DirectoryStore) -> None:
    with store.temporary() as temporary:
        temporary.seal()
        os.link(root / temporary.location.path, root / NAME)

        store.place(temporary, HERE)

    assert (root / NAME).stat().st_nlink == 1


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as root:
        store = DirectoryStore((root,))

        with pytest.raises(NoSpace) as raised:
            place(store, bytes(4 << 20))

        assert http_status(raised.value) == 507
        assert list((root / ".pypitool" / "incoming").iterdir()) == []
        assert store.free() > 900_000


def test_a_disk_that_becomes_read_only_is_named(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as root:
        store = DirectoryStore((root,))
        place(store)
        make_read_only(root)

        with pytest.raises(NotWritable, match="read-only file system") as raised:
            store.temporary()
        with pytest.raises(NotWritable):
            store.remove(HERE)

        assert http_status(raised.value) == 503
        assert f"ReadWritePaths={root}" in (raised.value.hint or "")


def test_placing_into_a_folder_that_became_a_link_is_refused(
    tmp_path: Path, root: Path, store: DirectoryStore
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "sub").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NotWritable):
        place(store, location=Location(0, f"sub/{NAME}"))

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_is_opened_step_by_step(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)

    with opened_folder(root, "a/b") as descriptor:
        assert os.path.samestat(os.fstat(descriptor), (root / "a" / "b").stat())


def write(path: Path, body: bytes = b"") -> None:
    """Write a file, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def place(store: DirectoryStore, body: bytes = b"", location: Location = HERE) -> None:
    """Bring the file of these tests into a store."""
    with store.temporary() as temporary:
        temporary.write(body)
        temporary.seal()
        store.place(temporary, location)


def read(store: DirectoryStore) -> bytes:
    """Read the file of these tests."""
    with store.open(HERE) as opened:
        return os.pread(opened.descriptor, 1 << 20, 0)


def refusing(number: int) -> object:
    """Make a system call that this file system does not know."""

    def call(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return call
