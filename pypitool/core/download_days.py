"""The download log by days: how they are named, which of them go, and which lines are about one release."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.versions import canonical

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl", re.ASCII)
_FORM = "%Y-%m-%d"


def file_of(day: str) -> str:
    """Return the name of the file of a day."""
    return f"{day}.jsonl"


def day_of(filename: str) -> str | None:
    """Return the day of a file, None for a file of something else."""
    found = _NAME.fullmatch(filename)
    return found[1] if found and _ended(found[1]) else None


def days_to_drop(sizes: Mapping[str, int], now: datetime, *, keep: float, most: int) -> list[str]:
    """Return the days that go, oldest first: those that ended longer than `keep` ago, and what is too much.

    A disk that is full is worse than a gap: where one day alone is more than `most`, it goes as well.
    """
    total = sum(sizes.values())
    gone = []
    for day in sorted(sizes):
        ended = _ended(day)
        is_old = ended is not None and (now - ended).total_seconds() > keep
        if not is_old and total <= most:
            break
        gone.append(day)
        total -= sizes[day]
    return gone


def is_about(line: Mapping[str, Any], project: NormalizedName, version: str) -> bool:
    """Tell whether a line is about a release, however its version is spelled."""
    spelled = line.get("version")
    is_of_project = line.get("project") == project and isinstance(spelled, str)
    return is_of_project and canonical(str(spelled)) == canonical(version)


def _ended(day: str) -> datetime | None:
    try:
        return datetime.strptime(day, _FORM).replace(tzinfo=timezone.utc) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
