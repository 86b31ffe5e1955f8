"""What people decide: yanks, statuses, and whose bytes they hold for."""

from __future__ import annotations

import pytest

from pypitool.catalogue.catalogue import Catalogue, FileFact, ScanBatch
from pypitool.core.model import HeldFile, OriginKind, ProjectStatus
from tests.catalogue.held import COPIED_AT, DEPLOY, UPLOADED_AT, name, wheel


def only_file(catalogue: Catalogue, project: str = "foo") -> HeldFile:
    found = catalogue.project(name(project))
    assert found is not None
    (file,) = found.files
    return file


@pytest.mark.parametrize("reason", ["", "it eats data", "<b>\"'&\0\x1f\u2028 \U0001f4a9"], ids=ascii)
def test_a_yank_holds_for_the_file_that_is_there(catalogue: Catalogue, reason: str) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))

    catalogue.decide(FileFact(file.filename, file.project, yanked=reason))

    assert only_file(catalogue).yanked == reason


def test_a_yank_holds_for_a_file_that_comes_later_whatever_its_bytes(catalogue: Catalogue) -> None:
    file = wheel("foo", contents="other")

    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))
    catalogue.apply_scan(ScanBatch([file]))

    assert only_file(catalogue).yanked == "bad"


def test_an_unyanked_file_is_as_before(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))
    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))

    catalogue.decide(FileFact(file.filename, file.project))

    assert only_file(catalogue) == file
    assert catalogue.fact(file.filename) is None


def test_a_release_is_yanked_in_one_change(catalogue: Catalogue) -> None:
    files = [wheel("foo"), wheel("foo", "1.0.post1")]
    catalogue.apply_scan(ScanBatch(files))
    before = catalogue.serial()

    catalogue.decide(*(FileFact(file.filename, file.project, yanked="bad") for file in files))

    assert {file.yanked for file in catalogue.held(name("foo"))} == {"bad"}
    assert catalogue.serial() == before + 1


def test_upload_time_and_origin_hold_for_these_bytes(catalogue: Catalogue) -> None:
    file = wheel("foo")
    sha256 = file.contents.digests.sha256
    catalogue.apply_scan(ScanBatch([file]))

    catalogue.decide(FileFact(file.filename, file.project, sha256, UPLOADED_AT, DEPLOY))

    found = only_file(catalogue)
    assert (found.upload_time, found.origin) == (UPLOADED_AT, DEPLOY)


def test_upload_time_and_origin_do_not_hold_for_other_bytes(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))

    catalogue.decide(FileFact(file.filename, file.project, "0" * 64, UPLOADED_AT, DEPLOY))

    found = only_file(catalogue)
    assert (found.upload_time, found.origin.kind) == (COPIED_AT, OriginKind.COPIED)


def test_a_fact_comes_back_as_it_was_decided(catalogue: Catalogue) -> None:
    fact = FileFact("foo-1.0.tar.gz", name("foo"), "0" * 64, UPLOADED_AT, DEPLOY, "bad")

    catalogue.decide(fact)

    assert catalogue.fact("foo-1.0.tar.gz") == fact
    assert catalogue.fact("foo-2.0.tar.gz") is None


def test_a_yank_without_bytes_is_a_fact_too(catalogue: Catalogue) -> None:
    fact = FileFact("foo-1.0.tar.gz", name("foo"), yanked="")

    catalogue.decide(fact)

    assert catalogue.fact("foo-1.0.tar.gz") == fact


def test_a_status_is_on_the_project_and_stays_without_files(catalogue: Catalogue) -> None:
    catalogue.set_status(name("foo"), ProjectStatus.QUARANTINED, "malware")

    before = catalogue.project(name("foo"))
    catalogue.apply_scan(ScanBatch([wheel("foo")]))

    project = catalogue.project(name("foo"))
    assert before is None
    assert project is not None
    assert (project.status, project.status_reason) == (ProjectStatus.QUARANTINED, "malware")


def test_projects_are_found_by_their_status(catalogue: Catalogue) -> None:
    catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("bar")]))

    catalogue.set_status(name("foo"), ProjectStatus.QUARANTINED, "malware")

    assert catalogue.projects_in(ProjectStatus.QUARANTINED) == {"foo"}
    assert catalogue.projects_in(ProjectStatus.ARCHIVED) == frozenset()


def test_the_same_decision_again_changes_nothing(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))
    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))
    catalogue.set_status(name("foo"), ProjectStatus.ARCHIVED, "old")
    before = catalogue.serial()

    catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))
    catalogue.set_status(name("foo"), ProjectStatus.ARCHIVED, "old")

    assert catalogue.serial() == before


def test_the_time_of_a_copied_file_is_its_own(catalogue: Catalogue) -> None:
    file = wheel("foo")

    catalogue.apply_scan(ScanBatch([file]))

    assert only_file(catalogue).upload_time == COPIED_AT


def test_a_file_that_was_gone_and_is_back_within_one_batch_is_held(catalogue: Catalogue) -> None:
    file = wheel("foo")
    catalogue.apply_scan(ScanBatch([file]))

    catalogue.apply_scan(ScanBatch([file], gone=[file.location]))

    assert only_file(catalogue) == file


def test_of_two_readings_in_one_batch_the_last_counts(catalogue: Catalogue) -> None:
    first, second = wheel("foo"), wheel("foo", contents="other")
    assert first.location == second.location
    catalogue.apply_scan(ScanBatch([first]))

    catalogue.apply_scan(ScanBatch([second, first]))

    assert only_file(catalogue) == first
