"""What is asked of the record of decisions: since when, about which project, by whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import ANONYMOUS
from pypitool.core.rights.rulebook import glob_of_names
from pypitool.core.text import BadQuantity, parse_duration, printable, timestamp

# The hash of a token is kept so that a catalogue can be rebuilt; it is nobody's to read.
_NEVER_SHOWN = frozenset({"hash"})
_KINDS_WITH_GLOBS = ("token:", "publisher:")


class NoTime(PypitoolError):
    """A text that is neither a moment nor a duration."""

    kind = Kind.USAGE
    hint = "write `7d`, `2026-01-31` or `2026-01-31T12:00:00Z`; a time without a zone is in UTC"
    text: str

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


def time_text(text: str, now: datetime) -> str:
    """Return a time, or that of a duration ago, as the lines have theirs: they compare as texts."""
    try:
        when = now - timedelta(seconds=parse_duration(text))
    except BadQuantity:
        when = _time(text)
    except OverflowError as error:
        raise NoTime(text) from error
    return timestamp(when)


def public_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a line people may read."""
    return {key: value for key, value in line.items() if key not in _NEVER_SHOWN}


def who_named(word: str) -> str:
    """Return somebody as lines write it; a name alone is a user's."""
    return word if ":" in word or word == ANONYMOUS else f"user:{word}"


def _time(text: str) -> datetime:
    # Python 3.10 does not read the Z, nor a fraction of other than three or six digits.
    spelled = re.sub(r"[zZ]$", "+00:00", text.strip())
    try:
        when = datetime.fromisoformat(spelled)
    except ValueError as error:
        raise NoTime(text) from error
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


def _is_by(who: str, wanted: str) -> bool:
    # Names of users may have a star in them.
    return fnmatchcase(who, glob_of_names(wanted)) if wanted.startswith(_KINDS_WITH_GLOBS) else who == wanted
