from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.run_events import (
    Ending,
    FileEvent,
    FileOutcome,
    HoleEvent,
    ProjectEvent,
    RunOutcome,
    Tally,
    WarningEvent,
    run_exit_code,
    run_outcome,
)

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
        (Tally(holes=1), Ending(update_offered=True), 1),
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
        (Tally(fetched=1), Ending(), RunOutcome.OK),
    ],
)
def test_the_outcome_is_one_word(tally: Tally, ending: Ending, outcome: RunOutcome) -> None:
    assert run_outcome(tally, ending) is outcome


def test_a_hole_is_one_line() -> None:
    hole = HoleEvent("backend", "win", "b>=1", "a 1.0", "missing")

    assert str(hole) == "hole: backend win: b>=1 (needed by a 1.0)"


def test_a_failed_file_says_why() -> None:
    event = FileEvent("a-1.0.tar.gz", A, "1.0", "failed", kind=Kind.INVALID, message="bytes differ")

    assert event.as_json()["kind"] == "invalid"
    assert event.as_json()["message"] == "bytes differ"
