"""The record of decisions as people read it: `facts.jsonl`, oldest first, without what nobody may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pypitool.catalogue.facts import FactLog, Skipped
from pypitool.core.audit_query import AuditQuery, shown
from pypitool.core.fact import to_document
from pypitool.repository.state import StateFiles

Line = dict[str, Any]


def _tell_nobody(_skipped: Skipped) -> None:
    pass


def audit_lines(
    state: Path, query: AuditQuery, *, skipped: Callable[[Skipped], None] = _tell_nobody
) -> Iterator[Line]:
    """Iterate over the lines that are wanted; what a crash has left of one goes to `skipped`."""
    for fact in FactLog(StateFiles(state).facts).replay(skipped=skipped):
        line = to_document(fact)
        if query.wants(line):
            yield shown(line)
