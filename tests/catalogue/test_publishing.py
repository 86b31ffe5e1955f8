"""Files that are published: pending, live, superseded, forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pypitool.catalogue.catalogue import Catalogue, FileFact, ScanBatch
from pypitool.catalogue.errors import ReleaseFileExists
from pypitool.core.errors import PypitoolError
from pypitool.core.model import FileStat, HeldFile, Location, Origin, OriginKind
from tests.catalogue.conftest import OpenCatalogue
from tests.catalogue.held import COPIED_AT, DEPLOY, UPLOADED_AT, digest, name, pending, uploaded, wheel


def publish(catalogue: Catalogue, file: HeldFile, *, overwrite: bool = False) -> None:
    catalogue.begin_publish(pending(file), None, overwrite=overwrite)
    catalogue.finish_publish(file)


def live(catalogue: Catalogue, project: str) -> tuple[HeldFile, ...]:
    found = catalogue.project(name(project))
    return found.files if found else ()


def test_a_finished_file_is_live_with_its_last_stat(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    linked = replace(file, stat=FileStat(9, 8, 7, 6), signed=True)
    catalogue.begin_publish(pending(file), None, overwrite=False)

    catalogue.finish_publish(linked)

    assert live(catalogue, "foo") == (linked,)
    assert catalogue.pending() == ()
    assert catalogue.held_under(file.release_key) == linked


def test_an_abandoned_file_leaves_nothing(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo", metadata="Name: foo"))
    catalogue.begin_publish(pending(file), b"Name: foo", overwrite=False)

    catalogue.abandon_publish(file.location)

    assert catalogue.pending() == ()
    assert catalogue.held_under(file.release_key) is None
    assert catalogue.metadata(digest("Name: foo")) is None
    assert catalogue.fact(file.filename) is None


@pytest.mark.parametrize("contents", ["", "other"], ids=["same bytes", "other bytes"])
def test_a_name_that_is_live_is_refused(catalogue: Catalogue, contents: str) -> None:
    held = uploaded(wheel("foo"))
    publish(catalogue, held)

    with pytest.raises(ReleaseFileExists) as caught:
        catalogue.begin_publish(pending(wheel("foo", contents=contents)), None, overwrite=False)

    assert caught.value.held == held
    assert caught.value.live
    assert caught.value.same_bytes is (contents == "")
    assert str(caught.value).startswith("File already exists")
    assert catalogue.pending() == ()


@pytest.mark.parametrize("overwrite", [False, True], ids=["plain", "overwriting"])
def test_a_name_that_is_pending_is_refused(catalogue: Catalogue, *, overwrite: bool) -> None:
    first = uploaded(wheel("foo", contents="first"))
    catalogue.begin_publish(pending(first), None, overwrite=False)

    with pytest.raises(ReleaseFileExists) as caught:
        catalogue.begin_publish(pending(wheel("foo")), None, overwrite=overwrite)

    assert caught.value.held == first
    assert not caught.value.live


def test_another_spelling_of_a_held_name_is_refused(catalogue: Catalogue) -> None:
    held = uploaded(wheel("foo-bar"))
    publish(catalogue, held)
    spelled = replace(
        wheel("foo-bar", contents="other"), location=Location(0, "Foo.Bar-1.0-py3-none-any.whl")
    )

    with pytest.raises(ReleaseFileExists, match=r"is held as `foo_bar-1\.0-py3-none-any\.whl`"):
        catalogue.begin_publish(pending(spelled), None, overwrite=False)


def test_the_live_file_stands_until_an_overwrite_is_finished(catalogue: Catalogue) -> None:
    old, new = uploaded(wheel("foo", contents="old")), uploaded(wheel("foo", contents="new"))
    publish(catalogue, old)

    catalogue.begin_publish(pending(new), None, overwrite=True)
    before = live(catalogue, "foo")
    catalogue.finish_publish(new)

    assert before == (old,)
    assert live(catalogue, "foo") == (new,)


def test_an_abandoned_overwrite_leaves_the_live_file_and_its_metadata(catalogue: Catalogue) -> None:
    old = uploaded(wheel("foo", contents="old", metadata="Name: foo"))
    new = uploaded(wheel("foo", contents="new", metadata="Name: foo"))
    catalogue.begin_publish(pending(old), b"Name: foo", overwrite=False)
    catalogue.finish_publish(old)
    catalogue.begin_publish(pending(new), b"Name: foo", overwrite=True)

    catalogue.abandon_publish(new.location)

    assert live(catalogue, "foo") == (old,)
    assert catalogue.metadata(digest("Name: foo")) == b"Name: foo"


def test_an_overwrite_supersedes_other_spellings_and_places(catalogue: Catalogue) -> None:
    spelled = replace(wheel("foo-bar"), location=Location(0, "a/Foo.Bar-1.0-py3-none-any.whl"))
    publish(catalogue, uploaded(spelled))
    new = uploaded(wheel("foo-bar", contents="new"))

    publish(catalogue, new, overwrite=True)

    assert catalogue.held(name("foo-bar")) == (new,)
    assert catalogue.fact(spelled.filename) is None


def test_the_origin_of_a_published_file_survives_its_rewriting_by_a_scan(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    publish(catalogue, file)

    touched = replace(wheel("foo"), stat=FileStat(1, 2, 3, 4))
    catalogue.apply_scan(ScanBatch([touched]))

    (found,) = live(catalogue, "foo")
    assert (found.origin, found.upload_time, found.stat) == (DEPLOY, UPLOADED_AT, touched.stat)


def test_the_origin_holds_for_the_same_bytes_only(catalogue: Catalogue) -> None:
    publish(catalogue, uploaded(wheel("foo")))

    catalogue.apply_scan(ScanBatch([wheel("foo", contents="other")]))

    (found,) = live(catalogue, "foo")
    assert (found.origin.kind, found.upload_time) == (OriginKind.COPIED, COPIED_AT)


def test_a_file_that_comes_back_has_its_origin_again(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    publish(catalogue, file)
    catalogue.apply_scan(ScanBatch(gone=[file.location]))

    catalogue.apply_scan(ScanBatch([wheel("foo", folder="moved")]))

    (found,) = live(catalogue, "foo")
    assert (found.origin, found.upload_time) == (DEPLOY, UPLOADED_AT)


def test_a_scan_leaves_a_pending_place_to_its_writer(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo"))
    catalogue.begin_publish(pending(file), None, overwrite=False)

    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("bar")]))

    assert catalogue.project_names() == ("bar",)
    assert catalogue.pending() == (pending(file),)


def test_a_mirrored_yank_counts_and_a_yank_of_ours_is_not_undone(catalogue: Catalogue) -> None:
    mirrored = replace(
        wheel("foo"), origin=Origin(OriginKind.MIRRORED, "pypi"), upload_time=UPLOADED_AT, yanked="broken"
    )
    ours = uploaded(wheel("bar"))
    catalogue.decide(FileFact(ours.filename, ours.project, yanked="by us"))

    publish(catalogue, mirrored)
    publish(catalogue, ours)

    assert [file.yanked for file in live(catalogue, "foo")] == ["broken"]
    assert [file.yanked for file in live(catalogue, "bar")] == ["by us"]


def test_of_eight_writers_of_one_name_one_begins(open_another: OpenCatalogue) -> None:
    catalogues = [open_another(), open_another()]

    def begin(number: int) -> bool:
        file = uploaded(wheel("foo", contents=str(number)))
        try:
            catalogues[number % 2].begin_publish(pending(file), None, overwrite=False)
        except ReleaseFileExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(begin, range(8)))

    assert begun.count(True) == 1
    assert len(catalogues[0].pending()) == 1


def test_a_forgotten_file_takes_its_facts_and_its_metadata_along(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo", metadata="Name: foo"))
    catalogue.begin_publish(pending(file), b"Name: foo", overwrite=False)
    catalogue.finish_publish(file)
    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))

    catalogue.forget([file.location])

    assert catalogue.project(name("foo")) is None
    assert catalogue.fact(file.filename) is None
    assert catalogue.metadata(digest("Name: foo")) is None


def test_a_name_that_lies_elsewhere_keeps_its_facts_when_one_is_forgotten(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file, wheel("foo", root=1)]))
    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))

    catalogue.forget([file.location])

    assert [held.yanked for held in live(catalogue, "foo")] == ["bad"]


def test_a_file_that_a_scan_saw_vanish_is_forgotten_all_the_same(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))

    catalogue.forget([file.location])

    assert catalogue.fact(file.filename) is None


def test_metadata_of_two_files_stays_until_the_last_is_gone(catalogue: Catalogue) -> None:
    files = [wheel("foo", metadata="Name: foo"), wheel("foo", "2.0", metadata="Name: foo")]
    catalogue.apply_scan(ScanBatch(files), [(digest("Name: foo"), b"Name: foo")])

    catalogue.apply_scan(ScanBatch(gone=[files[0].location]))
    after_one = catalogue.metadata(digest("Name: foo"))
    catalogue.apply_scan(ScanBatch(gone=[files[1].location]))

    assert after_one == b"Name: foo"
    assert catalogue.metadata(digest("Name: foo")) is None


def test_a_moved_file_keeps_its_metadata(catalogue: Catalogue) -> None:
    file, moved = wheel("foo", metadata="Name: foo"), wheel("foo", folder="a", metadata="Name: foo")
    bodies = [(digest("Name: foo"), b"Name: foo")]
    catalogue.apply_scan(ScanBatch([file]), bodies)

    catalogue.apply_scan(ScanBatch([moved], [file.location]), bodies)

    assert catalogue.metadata(digest("Name: foo")) == b"Name: foo"


def test_a_failing_change_changes_nothing(catalogue: Catalogue) -> None:
    broken = replace(wheel("bar"), version=None)  # type: ignore[arg-type]
    before = catalogue.serial()

    with pytest.raises(PypitoolError):
        catalogue.apply_scan(ScanBatch([wheel("foo"), broken]))

    assert catalogue.project_names() == ()
    assert catalogue.serial() == before
    publish(catalogue, wheel("foo"))
    assert catalogue.project_names() == ("foo",)
