"""The lines of --json, to the byte: programs read them."""

from __future__ import annotations

import json

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.event_document import Dataclass, document
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    FileEvent,
    HeldVersion,
    HoleEvent,
    KnownVulnerabilities,
    PlanEvent,
    ProjectEvent,
    SetEvent,
    UpdateEvent,
    Vulnerability,
    WarningEvent,
    WrittenEvent,
)
from pypitool.core.upload.plan import UploadEvent, UploadPlanned
from pypitool.mirror.candidate_report import Explained

A = canonicalize_name("a")
VULNERABILITY = Vulnerability("PYSEC-1", ("CVE-1",), ("1.1",), "bad")

LINES = [
    (
        FileEvent("a-1.0.tar.gz", A, "1.0", "kept", 10, "ab", ("t",)),
        '{"type": "file", "name": "a-1.0.tar.gz", "project": "a", "version": "1.0", "outcome": "kept", '
        '"bytes": 10, "sha256": "ab", "targets": ["t"]}',
    ),
    (
        FileEvent("a-1.0.tar.gz", A, "1.0", "failed", kind=Kind.INVALID, message="why"),
        '{"type": "file", "name": "a-1.0.tar.gz", "project": "a", "version": "1.0", "outcome": "failed", '
        '"bytes": 0, "sha256": null, "targets": [], "kind": "invalid", "message": "why"}',
    ),
    (
        ProjectEvent(A, Kind.NOT_FOUND, "gone"),
        '{"type": "project", "project": "a", "outcome": "failed", "kind": "not_found", "message": "gone"}',
    ),
    (
        HoleEvent("s", "t", "b", "a 1.0", "missing", canonicalize_name("b")),
        '{"type": "hole", "set": "s", "target": "t", "requirement": "b", "required_by": "a 1.0", '
        '"reason": "missing"}',
    ),
    (WarningEvent("look"), '{"type": "warning", "project": null, "message": "look"}'),
    (
        WarningEvent("look", project=A, yanked=""),
        '{"type": "warning", "project": "a", "message": "look", "yanked": ""}',
    ),
    (
        PlanEvent("get", "a-1.0.tar.gz", A, "1.0", None, ("t", "u")),
        '{"type": "plan", "action": "get", "name": "a-1.0.tar.gz", "project": "a", "version": "1.0", '
        '"bytes": null, "targets": ["t", "u"]}',
    ),
    (
        DifferenceEvent(A, Kind.FORBIDDEN, "quarantined"),
        '{"type": "project", "project": "a", "outcome": "failed", "kind": "forbidden", '
        '"message": "quarantined"}',
    ),
    (
        DifferenceEvent(A, Kind.CONFLICT, "other", name="a-1.0.tar.gz", version="1.0", path="x/a-1.0.tar.gz"),
        '{"type": "file", "name": "a-1.0.tar.gz", "path": "x/a-1.0.tar.gz", "project": "a", '
        '"version": "1.0", "outcome": "failed", "kind": "conflict", "message": "other"}',
    ),
    (
        UpdateEvent(A, "1.0", "1.1", "2026-01-01T00:00:00Z", (HeldVersion("2.0", "max"),)),
        '{"type": "update", "project": "a", "have": "1.0", "new": "1.1", '
        '"uploaded": "2026-01-01T00:00:00Z", "held": [{"version": "2.0", "reason": "max"}]}',
    ),
    (
        UpdateEvent(A, "1.0", known=KnownVulnerabilities(None)),
        '{"type": "update", "project": "a", "have": "1.0", "new": null, "uploaded": null, "held": [], '
        '"vulnerabilities": null}',
    ),
    (
        UpdateEvent(A, "1.0", known=KnownVulnerabilities((VULNERABILITY,))),
        '{"type": "update", "project": "a", "have": "1.0", "new": null, "uploaded": null, "held": [], '
        '"vulnerabilities": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"], '
        '"summary": "bad", "link": null}]}',
    ),
    (
        UpdateEvent(A, "1.0", "1.1", set="backend"),
        '{"type": "update", "project": "a", "have": "1.0", "new": "1.1", "uploaded": null, "held": [], '
        '"set": "backend"}',
    ),
    (
        WrittenEvent("r.txt", (A,), (canonicalize_name("b"),)),
        '{"type": "written", "file": "r.txt", "projects": ["a"], "added": ["b"]}',
    ),
    (
        SetEvent("backend", Kind.INVALID, "none"),
        '{"type": "set", "set": "backend", "outcome": "failed", "kind": "invalid", "message": "none"}',
    ),
    (
        UploadEvent("a-1.0.tar.gz", A, "1.0", "uploaded", "ab", 10),
        '{"type": "file", "name": "a-1.0.tar.gz", "project": "a", "version": "1.0", '
        '"outcome": "uploaded", "sha256": "ab", "bytes": 10}',
    ),
    (
        UploadEvent("a-1.0.tar.gz", A, "1.0", "conflict", "ab", 10, Kind.CONFLICT, "why"),
        '{"type": "file", "name": "a-1.0.tar.gz", "project": "a", "version": "1.0", '
        '"outcome": "conflict", "sha256": "ab", "bytes": 10, "kind": "conflict", "message": "why"}',
    ),
    (UploadPlanned("send", "a"), '{"type": "plan", "action": "send", "name": "a"}'),
    (
        Explained("s", "t", "a-1.0.tar.gz", True, "chosen"),
        '{"type": "verdict", "set": "s", "target": "t", "filename": "a-1.0.tar.gz", "taken": true, '
        '"rule": "chosen"}',
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[type(event).__name__ for event, _ in LINES])
def test_an_event_is_printed_to_the_byte(event: Dataclass, line: str) -> None:
    assert json.dumps(document(event)) == line
