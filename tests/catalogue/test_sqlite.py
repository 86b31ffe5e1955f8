"""What only a file that several processes share has to prove."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import ScanBatch
from pypitool.catalogue.database import locked_alone, put_in_place
from pypitool.catalogue.errors import CatalogueReadOnly
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import open_catalogue, repair
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.errors import NoSpace, http_status
from tests.catalogue.held import digest, name, wheel
from tests.catalogue.writer import THREADS, start_writer
from tests.support.disks import make_read_only, mounted_disk
from tests.support.waiting import LONGEST, wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "catalogue.sqlite"


@pytest.fixture
def facts(path: Path) -> FactLog:
    path.parent.mkdir()
    return FactLog(path.with_name("facts.jsonl"))


@pytest.fixture
def catalogue(path: Path, facts: FactLog) -> Iterator[SqliteCatalogue]:
    with closing(open_catalogue(path, facts)) as catalogue:
        yield catalogue


@pytest.mark.process
def test_a_stamp_sees_the_commits_of_another_process(catalogue: SqliteCatalogue) -> None:
    before = catalogue.stamp()

    with start_writer(catalogue.path, "foo", 1) as writer:
        writer.wait(LONGEST)

    assert catalogue.stamp() != before
    assert catalogue.project_names() == ("foo",)


def test_a_commit_without_a_signal_is_seen_within_a_second(catalogue: SqliteCatalogue) -> None:
    before = catalogue.stamp()

    with closing(sqlite3.connect(catalogue.path)) as other, other:
        other.execute("UPDATE head SET serial = serial + 1")

    wait_until(lambda: catalogue.stamp() != before, what="the stamp changes")


@pytest.mark.process
def test_the_signal_may_be_removed(catalogue: SqliteCatalogue, path: Path) -> None:
    catalogue.stamp()
    path.with_name("catalogue.signal").unlink()
    with start_writer(path, "foo", 1) as writer:
        writer.wait(LONGEST)
    wait_until(lambda: catalogue.project_names() == ("foo",), what="the first commit is seen")
    # Both look at most a second later whether the file that they share is still the one that lies there.
    time.sleep(1.0)
    before = catalogue.stamp()

    with start_writer(path, "bar", 1) as writer:
        writer.wait(LONGEST)

    assert catalogue.stamp() != before


def test_a_reader_never_waits_for_a_writer(catalogue: SqliteCatalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    with closing(sqlite3.connect(catalogue.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM file")

        held = [catalogue.project(name("foo")), catalogue.counts(), catalogue.stamp()]
        in_new_thread = threading.Thread(target=lambda: held.append(catalogue.project(name("foo"))))
        in_new_thread.start()
        in_new_thread.join(LONGEST)
        other.execute("ROLLBACK")

    # Who waited for the writer would have waited in vain: it went on only after these answers.
    assert held[0] is not None
    assert held[3] == held[0]


def test_a_reader_holds_no_transaction(catalogue: SqliteCatalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo", str(number)) for number in range(1500)]))
    files = catalogue.files()
    next(files)
    catalogue.stamp()

    with closing(sqlite3.connect(catalogue.path)) as other:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    assert busy == 0
    assert catalogue.path.with_name("catalogue.sqlite-wal").stat().st_size == 0


@pytest.mark.process
def test_two_processes_write_at_once_and_neither_is_refused(catalogue: SqliteCatalogue) -> None:
    writers = [start_writer(catalogue.path, project, 150) for project in ("foo", "bar")]

    outputs = [writer.communicate(timeout=LONGEST)[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert [len(output.split()) for output in outputs] == [150, 150]
    assert catalogue.counts() == (2, 300)


@pytest.mark.process
def test_a_catalogue_is_replaced_while_others_write_without_a_pause(
    catalogue: SqliteCatalogue, facts: FactLog
) -> None:
    writers = [start_writer(catalogue.path, project, 100_000) for project in ("foo", "bar")]
    wait_until(lambda: len(catalogue.project_names()) == 2, what="both write")

    with locked_alone(catalogue.path):
        busy = [writer.poll() is None for writer in writers]
        before = catalogue.counts()
        still = catalogue.counts()
    for writer in writers:
        writer.kill()
        writer.communicate()

    assert busy == [True, True], "it did not wait for their end"
    assert before == still


@pytest.mark.process
@pytest.mark.parametrize("commits", random.Random(0).sample(range(200), 6))
def test_a_writer_that_is_killed_loses_nothing_that_was_live(
    catalogue: SqliteCatalogue, facts: FactLog, commits: int
) -> None:
    with start_writer(catalogue.path, "foo", 100_000) as writer:
        assert writer.stdout is not None
        seen = [writer.stdout.readline() for _ in range(1 + commits)]
        writer.kill()
        live = {int(line) for line in [*seen, *writer.stdout.readlines()] if line.endswith(b"\n")}

    assert not repair(catalogue.path, facts)
    held = {int(file.version) for file in catalogue.held(name("foo"))}
    pending = catalogue.pending()
    assert live <= held
    assert len(held - live) + len(pending) <= THREADS
    body = f"Name: foo\nVersion: {max(held)}"
    assert catalogue.metadata(digest(body)) == body.encode()


def test_a_replaced_catalogue_is_noticed_within_a_second(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    before = catalogue.stamp()
    other = tmp_path / "other.sqlite"
    with closing(open_catalogue(other, FactLog(tmp_path / "other.jsonl"))) as another:
        another.apply_scan(ScanBatch([wheel("bar")]))

    put_in_place(other, catalogue.path)

    wait_until(lambda: catalogue.stamp() != before, what="the stamp changes")
    assert catalogue.project_names() == ("bar",)


def test_a_replaced_catalogue_keeps_its_journal_when_old_users_go(
    catalogue: SqliteCatalogue, path: Path, tmp_path: Path
) -> None:
    old = SqliteCatalogue(path)
    old.apply_scan(ScanBatch([wheel("foo")]))
    new = tmp_path / "new.sqlite"
    open_catalogue(new, FactLog(tmp_path / "new.jsonl")).close()
    put_in_place(new, path)
    with closing(SqliteCatalogue(path)) as current:
        current.apply_scan(ScanBatch([wheel("bar")]))

        # SQLite deletes the journal of a database that nobody has open any more, by its name.
        old.close()

        with closing(SqliteCatalogue(path)) as another:
            assert another.project_names() == ("bar",)


def test_a_missing_catalogue_is_answered_from_until_another_is_there(
    catalogue: SqliteCatalogue, path: Path, facts: FactLog
) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    for _ in range(20):
        catalogue.project_names()  # all connections are open, as in a server that has been asked for a while
    path.unlink()

    while_missing = catalogue.project_names()
    repair(path, facts)

    assert while_missing == ("foo",)
    wait_until(lambda: catalogue.project_names() == (), what="the new catalogue is read")


def open_descriptors(path: Path) -> int:
    links = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return sum(link.startswith(str(path)) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_many_threads_need_few_connections(catalogue: SqliteCatalogue, path: Path) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    together = threading.Barrier(101)

    def ask() -> None:
        for _ in range(10):
            catalogue.project(name("foo"))
        together.wait(LONGEST)
        together.wait(LONGEST)

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    together.wait(LONGEST)
    descriptors = open_descriptors(path)
    together.wait(LONGEST)
    for thread in threads:
        thread.join(LONGEST)

    # Two for each connection: the catalogue and its journal.
    assert descriptors <= 2 * 20


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_closed_catalogue_leaves_nothing_open(path: Path, facts: FactLog) -> None:
    catalogue = open_catalogue(path, facts)
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    thread = threading.Thread(target=catalogue.project_names)
    thread.start()
    thread.join(LONGEST)

    catalogue.close()

    assert open_descriptors(path) == 0
    assert sorted(found.name for found in path.parent.iterdir()) == [
        "catalogue.lock",
        "catalogue.queue",
        "catalogue.signal",
        "catalogue.sqlite",
        "facts.jsonl",
    ]


def test_a_full_disk_is_507_and_changes_nothing(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        path = disk / "catalogue.sqlite"
        with closing(open_catalogue(path, FactLog(disk / "facts.jsonl"))) as catalogue:
            catalogue.apply_scan(ScanBatch([wheel("foo")]))
            many = [wheel("bar", str(number)) for number in range(5000)]

            with pytest.raises(NoSpace) as caught:
                catalogue.apply_scan(ScanBatch(many))

            assert http_status(caught.value) == 507
            assert catalogue.project_names() == ("foo",)
            catalogue.apply_scan(ScanBatch([wheel("baz")]))
            assert catalogue.project_names() == ("baz", "foo")


def test_a_full_disk_at_the_start_is_named(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(2 * 1024 * 1024))

        with pytest.raises(NoSpace):
            open_catalogue(disk / "catalogue.sqlite", FactLog(disk / "facts.jsonl"))

        filler.unlink()
        open_catalogue(disk / "catalogue.sqlite", FactLog(disk / "facts.jsonl")).close()


def test_a_disk_that_became_read_only_is_503(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=4) as disk:
        path = disk / "catalogue.sqlite"
        open_catalogue(path, FactLog(disk / "facts.jsonl")).close()
        make_read_only(disk)

        with closing(SqliteCatalogue(path)) as catalogue, pytest.raises(CatalogueReadOnly) as caught:
            catalogue.apply_scan(ScanBatch([wheel("foo")]))

    assert http_status(caught.value) == 503
