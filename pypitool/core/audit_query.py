"""What is asked of the record of decisions: since when, about which project, by whom.

The download log by days: which of them go, and which lines are about one release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import BadQuantity, parse_duration, printable
from pypitool.core.versions import canonical

# The hash of a token is kept so that a catalogue can be rebuilt; it is nobody's to read.
_NEVER_SHOWN = frozenset({"hash"})
_KINDS_WITH_GLOBS = ("token:", "publisher:")


class NoTime(PypitoolError):
    """A text that is neither a moment nor a duration."""

    kind: ClassVar[Kind] = Kind.USAGE
    hint = "write `7d`, `2026-01-31` or `2026-01-31T12:00:00Z`; a time without a zone is in UTC"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"`{printable(self.text)}` is neither a time nor a duration"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which lines are wanted; what is None asks for everything."""

    since: str | None = None  # as `moment` writes it
    project: NormalizedName | None = None
    who: str | None = None

    def wants(self, line: Mapping[str, Any]) -> bool:
        """Tell whether a line is among them."""
        if self.since is not None and str(line.get("at", "")) < self.since:
            return False
        if self.project is not None and line.get("project") != self.project:
            return False
        return self.who is None or _is_by(str(line.get("who", "")), self.who)


def moment(text: str, now: datetime) -> str:
    """Return a time, or that of a duration ago, as the lines have theirs: they compare as texts."""
    try:
        when = now - timedelta(seconds=parse_duration(text))
    except BadQuantity:
        when = _time(text)
    except OverflowError as error:
        raise NoTime(text) from error
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shown(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a line people may read."""
    return {key: value for key, value in line.items() if key not in _NEVER_SHOWN}


def who_named(word: str) -> str:
    """Return somebody as lines write it; a name alone is a user's."""
    return word if ":" in word or word == "anonymous" else f"user:{word}"


def _time(text: str) -> datetime:
    # Python 3.10 does not read the Z, nor a fraction of other than three or six digits.
    spelled = re.sub(r"[zZ]$", "+00:00", text.strip())
    try:
        when = datetime.fromisoformat(spelled)
    except ValueError as error:
        raise NoTime(text) from error
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


def _is_by(who: str, wanted: str) -> bool:
    if not wanted.startswith(_KINDS_WITH_GLOBS):
        return who == wanted
    pattern = "".join({"*": ".*", "?": "."}.get(one) or re.escape(one) for one in wanted)
    return re.fullmatch(pattern, who) is not None


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
