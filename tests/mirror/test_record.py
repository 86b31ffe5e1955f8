from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import FileEvent
from pypitool.core.mirror.run_summary import RunOutcome, Summary, Tally
from pypitool.core.mirror.selection import Candidate, Wish
from pypitool.core.mirror.sync_plan import Miss, ProjectChoice, WantedFile
from pypitool.core.model import FileKind
from pypitool.mirror.choices import dump_choice, load_choice
from pypitool.mirror.record import MirrorRecord, RecordDamaged, RememberedChoice, RememberedPage, named_damage
from pypitool.upstream.fetch_page import KnownPage
from pypitool.upstream.listing import ListedFile, Listing

A = canonicalize_name("a")
NAME = "a-1.0-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WHEEL = Candidate(
    NAME,
    A,
    Version("1.0"),
    FileKind.WHEEL,
    parse_wheel_filename(NAME)[3],
    (1, ""),
    url="https://files.example/a.whl",
    hashes=frozenset({"sha256:aa", "sha512:bb"}),
    size=7,
    requires_python=">=3.9",
    yanked="",
    upload_time="2026-01-01T00:00:00.000000Z",
    metadata_sha256="cc",
)
SDIST = Candidate("a-1.0.tar.gz", A, Version("1.0"), FileKind.SDIST)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[MirrorRecord]:
    record = MirrorRecord(tmp_path / "mirror.sqlite")
    yield record
    record.close()


def test_a_choice_comes_back_as_it_was() -> None:
    choice = ProjectChoice((WantedFile(WHEEL, ("linux", "mac"), frozenset({"sha256:aa"})),))

    assert load_choice(dump_choice(choice) or "") == choice


def test_a_choice_with_misses_is_not_worth_remembering() -> None:
    assert dump_choice(ProjectChoice((), (Miss(Wish(A, SpecifierSet()), "linux", None),))) is None


def test_a_page_is_remembered_with_what_tells_it_from_a_newer_one(record: MirrorRecord) -> None:
    listing = Listing(
        A, "https://index.example/a/", (ListedFile(SDIST.filename, "a.tar.gz", {"sha256": "aa"}),)
    )
    page = RememberedPage(KnownPage('"e"', "ff"), "active", None, listing.pack())

    record.keep_page("public", A, page)

    assert record.page("public", A) == page
    assert record.known_pages() == {("public", "a"): KnownPage('"e"', "ff")}
    assert record.page("other", A) is None


def test_a_choice_is_remembered_by_its_question(record: MirrorRecord) -> None:
    choice = RememberedChoice("public", "ff", "[]")

    record.keep_choice(A, "q1", choice)

    assert record.choice(A, "q1") == choice
    assert record.choice(A, "q2") is None


def test_the_last_time_that_any_set_wanted_a_file_is_known(record: MirrorRecord) -> None:
    record.want("one", ["x", "y"], "2026-01-01")
    record.want("two", ["y"], "2026-02-01")
    record.want("one", ["x"], "2026-03-01")

    assert record.last_wanted() == {"x": "2026-03-01", "y": "2026-02-01"}


def test_yanks_of_an_upstream_come_and_go(record: MirrorRecord) -> None:
    record.keep_upstream_yank("x", "broken")
    record.keep_upstream_yank("y", "")
    record.keep_upstream_yank("x", None)

    assert record.upstream_yanks() == {"y": ""}


def test_a_run_is_recorded_with_its_events(record: MirrorRecord) -> None:
    number = record.begin_run("sync backend", "2026-01-01T00:00:00Z", job="nightly")
    summary = Summary("sync", 3, RunOutcome.PARTIAL, Tally(1, 2, 3, 4, 5), 1.5, 9, number)
    event = FileEvent("a-1.0.tar.gz", A, "1.0", "fetched")

    record.end_run(number, summary, [event])

    run = record.run(number)
    assert run is not None
    assert (run.summary, run.command, run.job) == (summary, "sync backend", "nightly")
    assert record.events(number) == (document(event),)
    assert record.last_run_of("nightly") == run
    assert record.last_run_of("other") is None


def test_a_run_that_ended_without_a_word_has_no_summary(record: MirrorRecord) -> None:
    record.begin_run("sync", "2026-01-01T00:00:00Z")

    (run,) = record.runs()

    assert run.summary is None


def test_what_is_written_together_is_written_whole_or_not_at_all(record: MirrorRecord) -> None:
    def interrupted() -> None:
        with record.together():
            record.want("one", ["x"], "2026-01-01")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()

    assert record.last_wanted() == {}


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_record_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "mirror.sqlite"
    path.write_bytes(damage)

    record = MirrorRecord(path)

    assert record.runs() == ()
    record.close()


def test_damage_that_shows_only_when_it_is_read_is_named_and_gone_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "mirror.sqlite"
    with closing(MirrorRecord(path)) as record:
        record.want("backend", [f"a-{number}.tar.gz" for number in range(3000)], "2026-01-01T00:00:00+00:00")
    body = path.read_bytes()
    path.write_bytes(body[: len(body) // 2] + b"\xff" * (len(body) // 4) + body[len(body) * 3 // 4 :])

    def look(*, mend: bool) -> None:
        with named_damage(path, mend=mend), closing(MirrorRecord(path)) as record:
            record.last_wanted()

    for mend in (False, True):
        with pytest.raises(RecordDamaged, match=r"mirror\.sqlite is damaged"):
            look(mend=mend)
        assert path.exists() is not mend

    look(mend=False)


def test_another_fault_of_a_database_is_not_taken_for_damage(tmp_path: Path) -> None:
    path = tmp_path / "mirror.sqlite"
    MirrorRecord(path).close()

    with pytest.raises(sqlite3.DatabaseError, match="of another one"), named_damage(path, mend=True):
        raise sqlite3.DatabaseError("of another one")

    assert path.exists()
