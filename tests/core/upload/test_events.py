"""Lines and exit codes of an upload."""

from __future__ import annotations

import pytest

from pypitool.core.errors import Kind
from pypitool.core.event_document import document
from pypitool.core.names import normalize
from pypitool.core.upload.plan import Outcome, UploadEvent, UploadPlanned, UploadSummary, UploadTally


def event(outcome: Outcome, kind: Kind | None = None) -> UploadEvent:
    message = None if kind is None else "why"
    return UploadEvent("a-1.0.tar.gz", normalize("a"), "1.0", outcome, "0f", 7, kind, message)


def tally(*events: UploadEvent) -> UploadTally:
    counted = UploadTally()
    for one in events:
        counted = counted.after(one)
    return counted


@pytest.mark.parametrize(
    ("events", "code", "outcome"),
    [
        ([], 0, "ok"),
        ([event("uploaded"), event("kept"), event("replaced")], 0, "ok"),
        ([event("failed", Kind.UNAUTHORIZED)], 4, "failed"),
        ([event("failed", Kind.UNAUTHORIZED), event("failed", Kind.FORBIDDEN)], 4, "failed"),
        ([event("conflict", Kind.CONFLICT)], 6, "failed"),
        ([event("failed", Kind.UNAVAILABLE)] * 2, 7, "failed"),
        ([event("failed", Kind.INVALID)], 1, "failed"),
        ([event("failed", Kind.UNAVAILABLE), event("conflict", Kind.CONFLICT)], 3, "partial"),
        ([event("uploaded"), event("conflict", Kind.CONFLICT)], 3, "partial"),
        ([event("kept"), event("failed", Kind.UNAVAILABLE)], 3, "partial"),
    ],
)
def test_the_exit_code_follows_from_what_failed_and_what_was_done(
    events: list[UploadEvent], code: int, outcome: str
) -> None:
    summary = UploadSummary(tally(*events))

    assert (summary.exit_code, summary.outcome) == (code, outcome)


def test_an_interruption_comes_before_everything_else() -> None:
    summary = UploadSummary(tally(event("failed", Kind.INVALID)), interrupted=True)

    assert (summary.exit_code, summary.outcome) == (130, "interrupted")


def test_the_lines_are_as_promised() -> None:
    failed = event("conflict", Kind.CONFLICT)
    summary = UploadSummary(tally(event("uploaded"), event("replaced"), event("kept"), failed), 1.23456)

    assert document(event("uploaded")) == {
        "type": "file",
        "name": "a-1.0.tar.gz",
        "project": "a",
        "version": "1.0",
        "outcome": "uploaded",
        "sha256": "0f",
        "bytes": 7,
    }
    assert document(failed) == document(event("conflict")) | {"kind": "conflict", "message": "why"}
    assert document(UploadPlanned("send", "a")) == {"type": "plan", "action": "send", "name": "a"}
    assert summary.as_json() == {
        "type": "summary",
        "command": "upload",
        "outcome": "partial",
        "exit_code": 3,
        "uploaded": 2,
        "kept": 1,
        "failed": 1,
        "bytes": 14,
        "seconds": 1.235,
    }
