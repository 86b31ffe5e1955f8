"""Names that are ours whatever files are left: those with an owner, and those that were uploaded once."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import Catalogue, ScanBatch
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import make_current, open_catalogue
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.model import HeldFile, Origin, OriginKind
from tests.catalogue.held import WITHOUT_LATER, name, pending, uploaded, wheel

FOO, BAR = name("foo"), name("bar")
ACTOR = Actor("user:deploy", "10.0.0.7", "password")
MIRRORED = Origin(OriginKind.MIRRORED, "public")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def facts(tmp_path: Path) -> FactLog:
    return FactLog(tmp_path / "facts.jsonl")


def publish(catalogue: Catalogue, file: HeldFile) -> None:
    catalogue.begin_publish(pending(file), None, overwrite=False)
    catalogue.finish_publish(file)


def arrived(file: HeldFile, origin: Origin | None = None) -> Fact:
    return Fact(
        What.UPLOAD, ACTOR, file.project, file.version, file.filename, file.contents.digests.sha256,
        origin=origin or file.origin,
    )  # fmt: skip


def gone(file: HeldFile) -> Fact:
    return Fact(What.DELETE, ACTOR, file.project, file.version, file.filename)


def lead_back(path: Path) -> None:
    """Make a catalogue one of schema 3, which knew nothing of kept names."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE uploaded; PRAGMA user_version = 3" + WITHOUT_LATER)


def test_a_name_is_kept_when_its_last_file_is_deleted(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    publish(catalogue, file)

    catalogue.forget([file.location])

    assert catalogue.keeps(FOO)
    assert catalogue.kept_names() == {FOO}


def test_a_name_is_kept_while_it_has_an_owner(catalogue: Catalogue) -> None:
    catalogue.set_owners(FOO, ["user:ann"])
    assert catalogue.keeps(FOO)

    catalogue.set_owners(FOO, [])
    assert not catalogue.keeps(FOO)


def test_what_was_copied_in_or_mirrored_keeps_no_name(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))

    assert not catalogue.keeps(FOO)
    assert catalogue.kept_names() == frozenset()


def test_a_name_that_is_given_up_is_not_kept_and_its_page_has_changed(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    publish(catalogue, file)
    catalogue.forget([file.location])
    before = catalogue.serial()

    catalogue.give_up_name(FOO)

    assert not catalogue.keeps(FOO)
    assert catalogue.changes_since(before).projects == {FOO}


def test_a_rebuilt_catalogue_keeps_the_names_of_the_log(path: Path, facts: FactLog) -> None:
    foo, bar = uploaded(wheel("foo")), wheel("bar")
    facts.append(arrived(foo), gone(foo), arrived(bar, MIRRORED), gone(bar))

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.kept_names() == {FOO}


def test_the_last_word_of_the_log_counts(path: Path, facts: FactLog) -> None:
    foo, bar = uploaded(wheel("foo")), uploaded(wheel("bar"))
    facts.append(arrived(foo), gone(foo), Fact(What.GIVE_UP_NAME, ACTOR, FOO), arrived(bar), gone(bar))
    facts.append(Fact(What.GIVE_UP_NAME, ACTOR, BAR), arrived(bar))

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.kept_names() == {BAR}


def test_an_older_catalogue_learns_the_names_once_and_they_are_said(
    path: Path, facts: FactLog, caplog: pytest.LogCaptureFixture
) -> None:
    foo, bar = uploaded(wheel("foo")), uploaded(wheel("bar"))
    with closing(open_catalogue(path, facts)) as catalogue:
        facts.append(arrived(foo), gone(foo), arrived(bar))
        publish(catalogue, bar)
    lead_back(path)

    with caplog.at_level(logging.WARNING):
        with closing(open_catalogue(path, facts)) as catalogue:
            assert catalogue.kept_names() == {FOO, BAR}
        open_catalogue(path, facts).close()

    said = [record.getMessage() for record in caplog.records if "uploaded here once" in record.getMessage()]
    assert len(said) == 1
    assert "from now on: foo; " in said[0]  # of bar there is a file, which nobody was ever sent past


def test_a_name_that_was_given_up_stays_so_in_a_migration(path: Path, facts: FactLog) -> None:
    foo = uploaded(wheel("foo"))
    open_catalogue(path, facts).close()
    facts.append(arrived(foo), gone(foo), Fact(What.GIVE_UP_NAME, ACTOR, FOO))
    lead_back(path)

    with closing(open_catalogue(path, facts)) as catalogue:
        assert not catalogue.keeps(FOO)


def test_the_catalogue_of_an_older_backup_learns_them_too(path: Path, facts: FactLog) -> None:
    foo = uploaded(wheel("foo"))
    open_catalogue(path, facts).close()
    facts.append(arrived(foo), gone(foo))
    lead_back(path)

    make_current(path, facts)

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.keeps(FOO)
