"""The cron lines that we take: five fields, and days of the week by name.

A number as day of the week is refused: `0` is Sunday to cron and Monday to APScheduler 3 (#286).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# APScheduler's week begins on Monday: `sun-thu` is no range there.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERED = re.compile(r"[0-9/]")
_STEP = re.compile(r"[1-9][0-9]?", re.ASCII)


class BadSchedule(PypitoolError):
    """A cron line that cannot be honoured."""

    kind = Kind.CONFIG
    sentence = "`{cron}` is not a schedule: {reason}"
    cron: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 6, WEEKDAYS),
)


def check_cron(cron: str) -> None:
    """Raise `BadSchedule` for a line that no scheduler of ours honours."""
    texts = cron.split()
    if len(texts) != len(_FIELDS):
        raise BadSchedule(cron, "write five fields: minute hour day month weekday")
    for field, text in zip(_FIELDS, texts, strict=True):
        if field.words is WEEKDAYS and _NUMBERED.search(text):
            raise BadSchedule(cron, "write the days of the week by name (mon, tue), not by number")
        for part in text.split(","):
            if not _is_part(field, part):
                raise BadSchedule(cron, f"`{part}` is no {field.name}")


def _is_part(field: _Field, part: str) -> bool:
    values, slash, step = part.partition("/")
    ends = _ends(field, values)
    if ends is None or not slash:
        return ends is not None
    # APScheduler drops a step behind the name of a month, without a word.
    return not values[0].isalpha() and bool(_STEP.fullmatch(step)) and int(step) <= ends[1] - ends[0]


def _ends(field: _Field, text: str) -> tuple[int, int] | None:
    """Return the first and the last value that a part may have; `5/10` goes up to the highest."""
    if text == "*":
        return field.lowest, field.highest
    first, dash, last = text.partition("-")
    low, high = _value(field, first), _value(field, last) if dash else field.highest
    return (low, high) if low is not None and high is not None and low <= high else None


def _value(field: _Field, word: str) -> int | None:
    if word.lower() in field.words:
        return field.words.index(word.lower()) + field.lowest
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 3 else -1
    return number if field.lowest <= number <= field.highest else None
