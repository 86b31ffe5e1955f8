"""What people read of a run: the sentences about what is missing, and about where a set installs.

They are made of plain words, so that they are the same of an event, of the record of an old run, and of the
stamp of `sync --locked`, which is told before anything but the standard library is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# What people read for a reason where more is not known, as in the record of a run.
_WORDS = {"missing": "", "lock": "the lock is not for this target"}


def missing_line(where: str, target: str, requirement: str, required_by: str, reason: str) -> str:
    """Say what is missing for a target of a set, who needs it, and why it is not there."""
    why = _WORDS.get(reason, reason)
    said = "; ".join(filter(None, (required_by, why)))
    return f"missing: {where} {target}: {requirement} (needed by {said})"


def set_lines(name: str, installs_on: Sequence[str], lacks: Mapping[str, int]) -> Iterator[str]:
    """Say where a set installs, and how much it lacks elsewhere."""
    for target, count in lacks.items():
        yield f"{name} lacks {count} on {target}"
    if installs_on:
        yield f"{name} installs without the internet on {', '.join(installs_on)}"
