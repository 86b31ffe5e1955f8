"""What every store promises, whatever lies behind it. A new implementation joins by one line of `MAKERS`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pypitool.core.model import Location
from pypitool.core.scan_plan import Walked
from pypitool.store.directory import DirectoryStore
from pypitool.store.failures import NoSuchFile, Occupied
from pypitool.store.store import Store

WHEEL = Location(0, "acme-1.0-py3-none-any.whl")


def directories(place: Path) -> Store:
    """Two directories on the disk."""
    roots = (place / "first", place / "second")
    for root in roots:
        root.mkdir()
    return DirectoryStore(roots)


MAKERS: list[Callable[[Path], Store]] = [directories]


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    maker: Callable[[Path], Store] = request.param
    return maker(tmp_path)


def test_a_placed_file_is_read_back_with_its_stat(store: Store) -> None:
    with store.temporary() as temporary:
        temporary.write(b"one")
        temporary.write(b"two")
        temporary.seal()

        stat = store.place(temporary, WHEEL)

    assert contents(store, WHEEL) == b"onetwo"
    with store.open(WHEEL) as opened:
        assert opened.stat == stat
    assert store.look(WHEEL) == Walked(WHEEL, stat)


def test_a_file_is_not_walked_before_it_is_placed(store: Store) -> None:
    with store.temporary() as temporary:
        temporary.write(b"bytes")
        temporary.seal()

        assert list(store.walk(0)) == []
        with pytest.raises(NoSuchFile):
            store.open(temporary.location)


def test_what_is_not_placed_leaves_nothing(store: Store) -> None:
    with store.temporary() as temporary:
        temporary.write(b"bytes")

    assert list(store.walk(0)) == []
    assert store.sweep(0) == ()


def test_a_held_name_is_not_given_twice(store: Store) -> None:
    put(store, WHEEL, b"first")

    with pytest.raises(Occupied, match=r"File already exists: `acme-1\.0-py3-none-any\.whl`"):
        put(store, WHEEL, b"second")

    assert contents(store, WHEEL) == b"first"


def test_a_held_name_is_replaced_when_that_is_asked_for(store: Store) -> None:
    put(store, WHEEL, b"first")
    before = store.look(WHEEL)

    put(store, WHEEL, b"other", overwrite=True)

    assert contents(store, WHEEL) == b"other"
    assert store.look(WHEEL) != before


def test_one_of_eight_writers_gets_the_name(store: Store) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        try:
            put(store, WHEEL, b"%d" % number)
            outcomes.append(f"won {number}")
        except Occupied:
            outcomes.append("lost")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("lost") == 7
    winner = next(outcome for outcome in outcomes if outcome != "lost")
    assert contents(store, WHEEL).decode() == winner.removeprefix("won ")


def test_an_opened_file_stays_whole_when_it_is_replaced(store: Store) -> None:
    put(store, WHEEL, b"first")

    with store.open(WHEEL) as opened:
        put(store, WHEEL, b"other", overwrite=True)

        assert os.pread(opened.descriptor, 100, 0) == b"first"


def test_removing_tells_whether_there_was_something(store: Store) -> None:
    put(store, WHEEL, b"bytes")

    removed, again = store.remove(WHEEL), store.remove(WHEEL)

    assert (removed, again) == (True, False)
    assert store.look(WHEEL) is None


def test_a_walk_is_in_order_of_path_over_all_folders(store: Store) -> None:
    paths = ["a-b.whl", "a.whl", "b.whl", "é.whl"]
    for path in reversed(paths):
        put(store, Location(1, path), b"bytes")

    walked = [found.location for found in store.walk(1)]

    assert walked == [Location(1, path) for path in paths]
    assert list(store.walk(0)) == []


def test_a_signature_is_seen_beside_its_file(store: Store) -> None:
    put(store, WHEEL, b"bytes")
    put(store, Location(0, WHEEL.path + ".asc"), b"signature")

    signed = {found.location.path: found.signed for found in store.walk(0) if isinstance(found, Walked)}

    assert signed == {WHEEL.path: True, WHEEL.path + ".asc": False}
    looked = store.look(WHEEL)
    assert isinstance(looked, Walked)
    assert looked.signed


@pytest.mark.parametrize(
    "path",
    [
        "../acme-1.0.zip",
        "a/../../acme-1.0.zip",
        "/etc/passwd",
        "",
        ".",
        "a//b",
        ".hidden.zip",
        ".h/a.zip",
        "a\0b",
    ],
)
def test_paths_that_are_none_do_not_exist(store: Store, path: str) -> None:
    with pytest.raises(NoSuchFile):
        store.open(Location(0, path))

    assert store.look(Location(0, path)) is None


def test_the_free_space_is_a_number_of_bytes(store: Store) -> None:
    assert store.free() > 1024


def put(store: Store, location: Location, body: bytes, *, overwrite: bool = False) -> None:
    """Bring a file into a store."""
    with store.temporary(location.root) as temporary:
        temporary.write(body)
        temporary.seal()
        store.place(temporary, location, overwrite=overwrite)


def contents(store: Store, location: Location) -> bytes:
    """Read a file of a store."""
    with store.open(location) as opened:
        return os.pread(opened.descriptor, 1 << 20, 0)
