"""What pages ask of a catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pypitool.catalogue.catalogue import Catalogue, Known, ScanBatch
from pypitool.core.model import FileStat, HeldFile, Location, Problem, ProjectStatus
from tests.catalogue.held import name, pending, uploaded, wheel


def test_a_new_catalogue_holds_nothing(catalogue: Catalogue) -> None:
    held = (catalogue.project_names(), catalogue.counts(), catalogue.problems(), list(catalogue.files()))

    assert held == ((), (0, 0), (), [])


def test_a_file_comes_back_as_it_was_recorded(catalogue: Catalogue) -> None:
    file = replace(wheel("foo", metadata="Name: foo"), signed=True, provenance="https://a.example/p")

    catalogue.apply_scan(ScanBatch([file]))

    project = catalogue.project(name("foo"))
    assert project is not None
    assert project.files == (file,)
    assert (project.status, project.status_reason) == (ProjectStatus.ACTIVE, None)


def test_a_project_without_files_is_none(catalogue: Catalogue) -> None:
    assert catalogue.project(name("foo")) is None
    assert catalogue.held(name("foo")) == ()


def test_project_names_are_sorted(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("zope"), wheel("attrs"), wheel("foo-bar"), wheel("foo")]))

    assert catalogue.project_names() == ("attrs", "foo", "foo-bar", "zope")


def test_one_file_is_offered_for_each_filename(catalogue: Catalogue) -> None:
    first, longer, second = wheel("foo"), wheel("foo", folder="a/b"), wheel("foo", root=1)
    catalogue.apply_scan(ScanBatch([second, longer, first]))

    project = catalogue.project(name("foo"))

    assert project is not None
    assert project.files == (first,)
    assert set(catalogue.held(name("foo"))) == {first, longer, second}


def test_files_that_share_a_name_with_other_bytes_are_rivals(catalogue: Catalogue) -> None:
    same = [wheel("foo"), wheel("foo", root=1)]
    rivals = [wheel("bar"), wheel("bar", root=1, contents="other")]
    catalogue.apply_scan(ScanBatch([*same, *rivals]))

    assert set(catalogue.rivals()) == set(rivals)
    assert set(catalogue.rivals([rivals[0].filename])) == set(rivals)
    assert catalogue.rivals([same[0].filename]) == ()
    assert catalogue.rivals([]) == ()


def test_file_at_prefers_the_first_root(catalogue: Catalogue) -> None:
    first, second = wheel("foo", folder="a"), wheel("foo", folder="a", root=1)
    catalogue.apply_scan(ScanBatch([second, first]))

    assert catalogue.file_at(first.location.path) == first
    assert catalogue.held_at(second.location) == second


def test_a_filename_alone_is_found_wherever_the_file_lies(catalogue: Catalogue) -> None:
    deeper, beside, other = (
        wheel("foo", folder="a/b"),
        wheel("foo", folder="z"),
        wheel("foo", root=1, folder="a"),
    )
    catalogue.apply_scan(ScanBatch([deeper, beside, other]))

    assert catalogue.file_at(beside.filename) == beside

    catalogue.apply_scan(ScanBatch([at_the_top := wheel("foo", root=1)]))

    assert catalogue.file_at(beside.filename) == at_the_top


@pytest.mark.parametrize("path", ["bar-1.0-py3-none-any.whl", "b/foo-1.0-py3-none-any.whl", "", "/", "a\0b"])
def test_file_at_another_path_is_none(catalogue: Catalogue, path: str) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo", folder="a")]))

    assert catalogue.file_at(path) is None


def test_files_come_in_order_of_root_and_path(catalogue: Catalogue) -> None:
    files = [
        wheel(project, str(version), root=root, folder=folder)
        for root in (1, 0)
        for project in ("zope", "attrs")
        for folder in ("", "b", "a")
        for version in range(200)
    ]
    catalogue.apply_scan(ScanBatch(files))

    listed = list(catalogue.files())

    assert listed == sorted(files, key=lambda file: (file.location.root, file.location.path))


def test_counts_are_of_live_projects_and_files(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("foo", "2.0"), wheel("bar")]))
    catalogue.begin_publish(pending(wheel("baz")), None, overwrite=False)
    catalogue.set_status(name("gone"), ProjectStatus.ARCHIVED, None)

    assert catalogue.counts() == (2, 3)


def test_metadata_is_found_by_its_digest(catalogue: Catalogue) -> None:
    file = wheel("foo", metadata="Name: foo")
    sha256 = file.contents.metadata_sha256
    assert sha256 is not None

    catalogue.apply_scan(ScanBatch([file]), [(sha256, b"Name: foo")])

    assert catalogue.metadata(sha256) == b"Name: foo"
    assert catalogue.metadata("0" * 64) is None


def known(file: HeldFile) -> Known:
    return Known(file.location, file.stat, file.signed)


def test_known_files_are_those_of_one_root_in_order_of_path(catalogue: Catalogue) -> None:
    files = [wheel("foo", str(number), folder="a") for number in range(1200)]
    catalogue.apply_scan(ScanBatch([*reversed(files), wheel("foo", root=1)]))

    found = list(catalogue.known(0))

    assert found == sorted(map(known, files), key=lambda one: one.location.path)


def test_known_files_below_a_folder_are_those_of_no_other(catalogue: Catalogue) -> None:
    inside = [wheel("foo", folder="a"), wheel("foo", folder="a/b")]
    outside = [wheel("foo"), wheel("foo", folder="a.b"), wheel("foo", folder="ab"), wheel("foo", folder="b")]
    catalogue.apply_scan(ScanBatch([*inside, *outside]))

    assert {one.location for one in catalogue.known(0, "a")} == {file.location for file in inside}
    assert {one.location for one in catalogue.known(0, "a/b")} == {inside[1].location}
    assert list(catalogue.known(0, "c")) == []


def test_known_at_gives_the_live_ones_of_the_places(catalogue: Catalogue) -> None:
    file, other = wheel("foo"), wheel("bar")
    catalogue.apply_scan(ScanBatch([file, other]))

    assert list(catalogue.known_at([file.location, Location(0, "nothing.whl")])) == [known(file)]


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 2**64 - 1], ids=hex)
def test_numbers_of_64_bits_without_a_sign_are_kept(catalogue: Catalogue, number: int) -> None:
    file = replace(wheel("foo"), stat=FileStat(1, number, number, number))

    catalogue.apply_scan(ScanBatch([file]))

    found = catalogue.file_at(file.location.path)
    assert found is not None
    assert found.stat == file.stat
    assert [one.stat for one in catalogue.known(0)] == [file.stat]


def test_problems_are_kept_by_place(catalogue: Catalogue) -> None:
    place, odd = Location(0, "a/broken.whl"), Location(0, "b\udcff/odd.whl")
    problems = (Problem(place, "not a zip file", FileStat(1, 2, 3, 4)), Problem(odd, "not UTF-8"))
    catalogue.apply_scan(ScanBatch(problems=problems))

    assert catalogue.problems() == problems

    catalogue.apply_scan(ScanBatch(problems=[Problem(place, "truncated")], solved=[odd]))

    assert catalogue.problems() == (Problem(place, "truncated"),)


def test_a_place_that_is_listed_or_gone_is_no_problem_any_more(catalogue: Catalogue) -> None:
    listed, gone = wheel("foo"), wheel("bar")
    catalogue.apply_scan(
        ScanBatch(problems=[Problem(listed.location, "broken"), Problem(gone.location, "broken")])
    )

    catalogue.apply_scan(ScanBatch([listed], [gone.location]))

    assert catalogue.problems() == ()


def test_a_live_file_may_have_a_problem(catalogue: Catalogue) -> None:
    rival = wheel("foo", root=1, contents="other")
    problem = Problem(rival.location, "another file of this name comes first")

    catalogue.apply_scan(ScanBatch([wheel("foo"), rival], problems=[problem]))

    assert catalogue.problems() == (problem,)


def test_it_is_complete_only_when_somebody_says_so(catalogue: Catalogue) -> None:
    assert not catalogue.is_complete()

    catalogue.set_complete(catalogue.serial())

    assert catalogue.is_complete()


def test_a_pending_file_is_on_no_page(catalogue: Catalogue) -> None:
    file = uploaded(wheel("foo", metadata="Name: foo"))

    catalogue.begin_publish(pending(file), b"Name: foo", overwrite=False)

    assert catalogue.project(name("foo")) is None
    assert catalogue.project_names() == ()
    assert catalogue.file_at(file.location.path) is None
    assert list(catalogue.known(0)) == []
    assert catalogue.pending() == (pending(file),)
