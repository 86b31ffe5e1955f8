from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    ExcludedBy,
    FileEvent,
    FileOutcome,
    HeldVersion,
    HoleEvent,
    KnownVulnerabilities,
    ProjectEvent,
    SetEvent,
    UpdateEvent,
    Vulnerability,
    WarningEvent,
)
from pypitool.core.mirror.run_summary import Ending, RunOutcome, Summary, Tally, run_exit_code, run_outcome

A = canonicalize_name("a")


def file(outcome: FileOutcome) -> FileEvent:
    return FileEvent("a-1.0.tar.gz", A, "1.0", outcome, bytes=10)


def test_events_add_up() -> None:
    tally = Tally()
    for event in (
        file("fetched"),
        file("kept"),
        file("failed"),
        file("conflict"),
        ProjectEvent(A, Kind.NOT_FOUND, "gone"),
        HoleEvent("s", "t", "b", "a 1.0", "missing"),
        WarningEvent("look"),
    ):
        tally = tally.after(event)

    assert tally == Tally(fetched=1, kept=1, failed=3, holes=1, bytes=10, failed_projects=1)


@pytest.mark.parametrize(
    ("tally", "ending", "code"),
    [
        (Tally(failed=1, holes=1), Ending(interrupted=True), 130),
        (Tally(), Ending(error=Kind.INVALID), 1),
        (Tally(), Ending(error=Kind.CONFLICT), 6),
        (Tally(failed=1), Ending(unreachable=True), 7),
        (Tally(failed=1, holes=1), Ending(), 3),
        (Tally(failed=1, differences=1), Ending(), 3),
        (Tally(differences=1), Ending(), 1),
        (Tally(holes=1), Ending(update_offered=True), 1),
        (Tally(unmoved=1), Ending(update_offered=True), 1),
        (Tally(unmoved=1, failed=1), Ending(), 3),
        (Tally(), Ending(update_offered=True), 10),
        (Tally(holes=1), Ending(dry_run=True), 0),
        (Tally(), Ending(), 0),
    ],
)
def test_the_first_that_applies_is_the_exit_code(tally: Tally, ending: Ending, code: int) -> None:
    assert run_exit_code(tally, ending) == code


@pytest.mark.parametrize(
    ("tally", "ending", "outcome"),
    [
        (Tally(), Ending(interrupted=True), RunOutcome.INTERRUPTED),
        (Tally(), Ending(unreachable=True), RunOutcome.FAILED),
        (Tally(failed=1, holes=2), Ending(), RunOutcome.PARTIAL),
        (Tally(holes=2), Ending(), RunOutcome.HOLES),
        (Tally(differences=1), Ending(), RunOutcome.FAILED),
        (Tally(fetched=1), Ending(), RunOutcome.OK),
    ],
)
def test_the_outcome_is_one_word(tally: Tally, ending: Ending, outcome: RunOutcome) -> None:
    assert run_outcome(tally, ending) is outcome


def test_a_hole_is_one_line() -> None:
    hole = HoleEvent("backend", "win", "b>=1", "a 1.0", "missing")

    assert str(hole) == "missing: backend win: b>=1 (needed by a 1.0)"


def test_a_failed_file_says_why() -> None:
    event = FileEvent("a-1.0.tar.gz", A, "1.0", "failed", kind=Kind.INVALID, message="bytes differ")

    assert document(event)["kind"] == "invalid"
    assert document(event)["message"] == "bytes differ"


def test_what_differs_deletes_and_is_offered_is_counted_apart() -> None:
    tally = Tally()
    for event in (
        DifferenceEvent(A, Kind.CONFLICT, "other bytes", name="a-1.0.tar.gz", version="1.0"),
        UpdateEvent(A, "1.0", "1.1"),
        UpdateEvent(A, "1.0"),
        file("deleted"),
    ):
        tally = tally.after(event)

    assert tally == Tally(differences=1, offered=1, deleted=1, bytes=10)


@pytest.mark.parametrize(("command", "own"), [("update", "offered"), ("prune", "deleted"), ("sync", None)])
def test_a_summary_counts_what_only_its_command_does(command: str, own: str | None) -> None:
    line = Summary(command, 0, RunOutcome.OK).as_json()

    assert ({"offered", "deleted"} & set(line)) == ({own} if own else set())


def test_a_project_that_was_looked_at_is_told_in_lines() -> None:
    known = KnownVulnerabilities((Vulnerability("GHSA-1", ("CVE-1",), ("1.0.1",)),))
    event = UpdateEvent(A, "1.0", "1.1", "2026-01-01T00:00:00Z", (HeldVersion("2.0", "cooldown"),), known)

    assert list(event.lines()) == [
        "a 1.0 -> 1.1",
        "held a 2.0: cooldown",
        "vulnerable a 1.0: GHSA-1, CVE-1 (fixed in 1.0.1)",
    ]


def test_a_project_that_was_looked_at_is_one_line_of_json() -> None:
    event = UpdateEvent(A, "1.0", "1.1", "2026-01-01T00:00:00Z", (HeldVersion("2.0", "cooldown"),))

    assert document(event) == {
        "type": "update",
        "project": "a",
        "have": "1.0",
        "new": "1.1",
        "uploaded": "2026-01-01T00:00:00Z",
        "held": [{"version": "2.0", "reason": "cooldown"}],
    }


@pytest.mark.parametrize(
    ("known", "found"), [(KnownVulnerabilities(None), None), (KnownVulnerabilities(()), [])]
)
def test_unknown_vulnerabilities_are_null_and_none_are_an_empty_list(
    known: KnownVulnerabilities, found: object
) -> None:
    assert document(UpdateEvent(A, "1.0", known=known))["vulnerabilities"] == found


def test_a_set_without_a_solution_counts_apart_from_one_that_nobody_could_ask_for() -> None:
    tally = Tally().after(SetEvent("a", Kind.INVALID, "none")).after(SetEvent("b", Kind.UNAVAILABLE, "uv"))

    assert tally == Tally(unmoved=1, failed=1)


def test_what_excludes_a_release_is_said_with_whose_requirement_it_is() -> None:
    by = ExcludedBy("urllib3<2", "botocore 1.35.0")
    event = UpdateEvent(A, "1.0", held=(HeldVersion("2.6.0", "constraint", by), HeldVersion("2.5", "max")))

    assert document(event)["held"] == [
        {
            "version": "2.6.0",
            "reason": "constraint",
            "requirement": "urllib3<2",
            "required_by": "botocore 1.35.0",
        },
        {"version": "2.5", "reason": "max"},
    ]
    assert list(event.lines()) == [
        "held a 2.6.0: constraint (urllib3<2 of botocore 1.35.0)",
        "held a 2.5: max",
    ]


def test_where_nobody_knows_what_excludes_a_release_both_are_null() -> None:
    event = UpdateEvent(A, "1.0", held=(HeldVersion("2.0", "constraint", ExcludedBy()),))

    assert document(event)["held"] == [
        {"version": "2.0", "reason": "constraint", "requirement": None, "required_by": None}
    ]
    assert list(event.lines()) == ["held a 2.0: constraint"]


def test_people_read_once_what_excludes_many_releases_alike() -> None:
    by = ExcludedBy("a<2", "b 1.0")
    three, two, one = (HeldVersion(f"2.{number}", "constraint", by) for number in (3, 2, 1))
    held = (three, two, HeldVersion("2.1.1", "yanked"), one)

    assert list(UpdateEvent(A, "1.0", held=held).lines()) == [
        "held a 2.3: constraint (a<2 of b 1.0)",
        "held a 2.1.1: yanked",
    ]
