"""Who owns which project, and how many files there are of each."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from pypitool.catalogue.catalogue import Catalogue, ScanBatch
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import open_catalogue
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.model import Changes
from tests.catalogue.conftest import OpenCatalogue
from tests.catalogue.held import name, wheel

FOO, BAR = name("foo"), name("bar")
ROOT = Actor("local:root")


def test_a_project_has_its_owners_whether_it_is_held_or_not(
    catalogue: Catalogue, open_another: OpenCatalogue
) -> None:
    catalogue.set_owners(FOO, ["user:bob", "token:ci"])
    catalogue.set_owners(BAR, ["user:bob"])

    other = open_another()
    assert other.owners(FOO) == ("token:ci", "user:bob")
    assert other.owned("user:bob") == {FOO, BAR}
    assert other.owned("user:ann") == set()
    assert other.project_names() == ()


def test_owners_are_replaced(catalogue: Catalogue) -> None:
    catalogue.set_owners(FOO, ["user:bob"])
    catalogue.set_owners(FOO, ["user:ann"])

    assert catalogue.owners(FOO) == ("user:ann",)
    catalogue.set_owners(FOO, [])
    assert catalogue.owners(FOO) == ()


def test_a_change_of_owners_is_a_change_of_rights_and_of_the_project(catalogue: Catalogue) -> None:
    before = catalogue.serial()

    catalogue.set_owners(FOO, ["user:bob"])

    changes = catalogue.changes_since(before)
    assert changes == Changes(changes.serial, frozenset({FOO}), rights=True)
    assert catalogue.changes_since(changes.serial) == Changes(changes.serial)


def test_the_same_owners_again_change_nothing(catalogue: Catalogue) -> None:
    catalogue.set_owners(FOO, ["user:bob", "user:ann"])
    before = catalogue.serial()

    catalogue.set_owners(FOO, ["user:ann", "user:bob"])

    assert catalogue.serial() == before


def test_a_commit_of_files_changes_no_rights(catalogue: Catalogue) -> None:
    before = catalogue.serial()

    catalogue.apply_scan(ScanBatch([wheel("foo")]))

    assert not catalogue.changes_since(before).rights


def test_owners_outlive_the_files(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))
    catalogue.set_owners(FOO, ["user:bob"])

    catalogue.forget([file.location])

    assert not catalogue.holds(FOO)
    assert catalogue.owners(FOO) == ("user:bob",)


def test_files_are_counted_for_each_project(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("foo", "2.0"), wheel("bar")]))

    assert catalogue.file_counts() == {FOO: 2, BAR: 1}
    assert catalogue.holds(FOO)
    assert not catalogue.holds(name("baz"))


def test_a_rebuilt_catalogue_knows_the_last_owners(tmp_path: Path) -> None:
    facts = FactLog(tmp_path / "facts.jsonl")
    for owners in (["user:bob"], ["user:bob", "user:ann"], ["user:ann"]):
        facts.append(Fact(What.OWNER, ROOT, FOO, details={"owners": owners}))
    facts.append(Fact(What.OWNER, ROOT, BAR, details={"owners": []}))

    with closing(open_catalogue(tmp_path / "catalogue.sqlite", facts)) as catalogue:
        assert catalogue.owners(FOO) == ("user:ann",)
        assert catalogue.owners(BAR) == ()
