"""A finding: one thing that is wrong, why that matters, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from pypitool.core.errors import EXIT_PARTIAL


class Severity(str, Enum):
    """How much it matters; in the order in which people want to read it."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, and about what; its words are a contract, its sentences are not."""

    id: str
    severity: Severity
    subject: str
    what: str
    why: str
    do: str


def error(id: str, subject: str, what: str, why: str, do: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(id, Severity.ERROR, subject, what, why, do)


def warning(id: str, subject: str, what: str, why: str, do: str) -> Finding:
    """Return a finding that something will not work, or lets in who should stay out."""
    return Finding(id, Severity.WARNING, subject, what, why, do)


def info(id: str, subject: str, what: str, why: str, do: str = "") -> Finding:
    """Return a finding that is good to know."""
    return Finding(id, Severity.INFO, subject, what, why, do)


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with the worst first; within that as they were found."""
    weights = list(Severity)
    return sorted(findings, key=lambda finding: weights.index(finding.severity))


def exit_code_of(findings: Sequence[Finding]) -> int:
    """Return 1 with an error, 3 with warnings only, else 0."""
    found = {finding.severity for finding in findings}
    if Severity.ERROR in found:
        return 1
    return EXIT_PARTIAL if Severity.WARNING in found else 0


def document_of(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as plain JSON values."""
    listed = [{**asdict(finding), "severity": finding.severity.value} for finding in findings]
    return {"findings": listed, "exit_code": exit_code_of(findings)}
