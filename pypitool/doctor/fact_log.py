"""What people decided: whether each line of the log of facts can still be read and applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pypitool.catalogue.facts import FactLog, Skipped
from pypitool.core.state_files import StateFiles
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, info, warning

_MEND = "restore a backup that has it, or decide it again; then take the line out while no server runs"


def look_at_facts(context: Context) -> Iterator[Finding]:
    """Read the whole log, at each look: what is missing there is missing until somebody mends it."""
    path = StateFiles(context.state).facts
    skipped: list[Skipped] = []
    for _ in FactLog(path).replay(skipped=skipped.append):
        pass
    yield from facts_findings(str(path), skipped)


def facts_findings(path: str, skipped: Sequence[Skipped]) -> Iterator[Finding]:
    """Judge the lines that a replay passes over."""
    torn = [line for line in skipped if line.is_torn]
    damaged = [line for line in skipped if line.is_damaged and not line.is_torn]
    ended = [line for line in skipped if not line.is_damaged and line.takes_away]
    others = [line for line in skipped if not line.is_damaged and not line.takes_away]
    if damaged:
        why = "nobody can say any more what was decided there"
        yield error("facts-damaged", path, _said(damaged, "cannot be read"), why, _MEND)
    if torn:
        what = f"its last line, at byte {torn[-1].offset}, was cut off by a crash"
        why = "nobody was told that what it says is done: nothing is lost"
        yield info("facts-torn", path, what, why, "the next decision, or start, sets it aside")
    if ended:
        why = "what was to be taken away is still there: a yank, an owner, a token, a file"
        yield error("facts-skipped", path, _said(ended, "cannot be applied"), why, _MEND)
    if others:
        why = "what was decided there does not hold"
        yield warning("facts-skipped", path, _said(others, "cannot be applied"), why, _MEND)


def _said(lines: Sequence[Skipped], what: str) -> str:
    kinds = ", ".join(sorted({line.what for line in lines if line.what}))
    counted = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    first = lines[0]
    reason = first.reason.removeprefix(f"it {what}: ")
    return f"{counted} {what}{kinds and f' ({kinds})'}; at byte {first.offset}: {reason}"
