"""Who sees changes, and of what."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pypitool.catalogue.catalogue import Catalogue, FileFact, ScanBatch
from pypitool.core.model import Changes, Location, Problem, ProjectStatus
from tests.catalogue.conftest import OpenCatalogue
from tests.catalogue.held import name, pending, uploaded, wheel
from tests.support.waiting import LONGEST


def test_a_stamp_stands_while_nothing_happens(catalogue: Catalogue) -> None:
    assert catalogue.stamp() == catalogue.stamp()


def test_a_stamp_changes_with_a_commit_of_this_catalogue(catalogue: Catalogue) -> None:
    before = catalogue.stamp()

    catalogue.apply_scan(ScanBatch([wheel("foo")]))

    assert catalogue.stamp() != before


def test_a_stamp_changes_with_a_commit_elsewhere(open_another: OpenCatalogue) -> None:
    here, elsewhere = open_another(), open_another()
    before = here.stamp()

    elsewhere.apply_scan(ScanBatch([wheel("foo")]))

    assert here.stamp() != before
    assert here.project_names() == ("foo",)


def test_every_thread_sees_a_commit_by_its_own_stamp(open_another: OpenCatalogue) -> None:
    here, elsewhere = open_another(), open_another()
    looked, committed = threading.Barrier(9), threading.Event()
    saw: list[bool] = []

    def look() -> None:
        before = here.stamp()
        looked.wait(LONGEST)
        committed.wait(LONGEST)
        saw.append(here.stamp() != before)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    looked.wait(LONGEST)
    elsewhere.apply_scan(ScanBatch([wheel("foo")]))
    committed.set()
    for thread in threads:
        thread.join(LONGEST)

    assert saw == [True] * 8


def test_serials_only_grow(catalogue: Catalogue) -> None:
    file = wheel("foo")
    serials = [catalogue.serial()]
    changes: list[Callable[[], None]] = [
        lambda: catalogue.apply_scan(ScanBatch([file])),
        lambda: catalogue.decide(FileFact(file.filename, file.project, yanked="bad")),
        lambda: catalogue.set_status(file.project, ProjectStatus.ARCHIVED, None),
        lambda: catalogue.forget([file.location]),
    ]

    for change in changes:
        change()
        serials.append(catalogue.serial())

    assert serials == sorted(set(serials))


def test_changes_name_the_projects_whose_pages_differ(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("bar"), wheel("baz")]))
    before = catalogue.serial()

    catalogue.apply_scan(ScanBatch([wheel("foo", "2.0")], [wheel("bar").location]))

    changes = catalogue.changes_since(before)
    assert changes == Changes(catalogue.serial(), frozenset({name("foo"), name("bar")}))
    assert catalogue.changes_since(changes.serial) == Changes(changes.serial)


def test_a_thousand_unrelated_commits_change_no_other_project(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("bar")]))
    before, page = catalogue.serial(), catalogue.project(name("foo"))

    for number in range(1000):
        file = wheel("bar")
        catalogue.decide(FileFact(file.filename, file.project, yanked=str(number)))

    changes = catalogue.changes_since(before)
    assert changes.projects == {"bar"}
    assert catalogue.project(name("foo")) == page


def test_the_serial_of_a_project_is_that_of_its_last_change(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    first = catalogue.serial()
    catalogue.apply_scan(ScanBatch([wheel("bar")]))

    foo, bar = catalogue.project(name("foo")), catalogue.project(name("bar"))

    assert foo is not None
    assert bar is not None
    assert (foo.serial, bar.serial) == (first, first + 1)


def test_a_vanished_project_is_a_change_of_its_page(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))
    before = catalogue.serial()

    catalogue.apply_scan(ScanBatch(gone=[file.location]))

    assert catalogue.changes_since(before) == Changes(before + 1, frozenset({name("foo")}))


def test_the_list_has_the_serial_of_each_project(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    catalogue.apply_scan(ScanBatch([wheel("bar"), wheel("bar", "2.0")]))
    catalogue.apply_scan(ScanBatch([wheel("foo", "2.0")]))

    listed = catalogue.project_list()

    found = {known: project.serial for known in listed.projects if (project := catalogue.project(known))}
    assert listed.projects == found
    assert list(found) == ["bar", "foo"]
    assert listed.serial == found[name("foo")] == found[name("bar")] + 1


def test_the_serial_of_the_list_does_not_sink_when_its_last_project_goes(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))
    catalogue.apply_scan(ScanBatch([wheel("bar")]))
    before = catalogue.project_list().serial

    catalogue.apply_scan(ScanBatch(gone=[wheel("bar").location]))

    listed = catalogue.project_list()
    assert list(listed.projects) == ["foo"]
    assert listed.serial == before + 1


def test_an_empty_list_has_a_serial(catalogue: Catalogue) -> None:
    assert catalogue.project_list().serial > 0


def test_the_end_of_the_first_walk_is_a_change(catalogue: Catalogue) -> None:
    before = catalogue.serial()

    catalogue.set_complete(before)
    catalogue.set_complete(before)

    assert catalogue.changes_since(before) == Changes(before + 1)


def test_a_walk_that_began_in_another_history_ends_nothing_in_this_one(catalogue: Catalogue) -> None:
    catalogue.set_complete(17)

    assert not catalogue.is_complete()


def test_what_shows_on_no_page_is_no_change(catalogue: Catalogue) -> None:
    before = catalogue.serial()

    catalogue.begin_publish(pending(uploaded(wheel("foo"))), None, overwrite=False)
    catalogue.abandon_publish(wheel("foo").location)
    catalogue.apply_scan(ScanBatch(problems=[Problem(Location(0, "bad.whl"), "not a zip file")]))
    catalogue.decide(FileFact("foo-1.0.tar.gz", name("foo"), yanked="bad"))

    assert catalogue.changes_since(before) == Changes(before)


def test_everything_changed_for_who_kept_a_serial_of_another_history(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo")]))

    changes = catalogue.changes_since(17)

    assert changes.everything
    assert changes.projects == {"foo"}
