"""Calendar times of systemd: `30 3 * * mon-fri` of cron is `Mon..Fri *-*-* 03:30:00` there."""

from __future__ import annotations

import re

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.cron import MONTHS

_FIELD = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?\Z")


class NotConvertible(PypitoolError):
    """A field that systemd has no word for."""

    kind = Kind.CONFIG
    sentence = "`{field}` cannot be written as a systemd calendar time"
    hint = "write it as a list or a range of values"
    field: str


def on_calendar(cron: str, timezone: str | None = None) -> str:
    """Return the OnCalendar= value of a cron line with five fields and named days of the week."""
    minute, hour, day, month, weekday = cron.split()
    days = "" if weekday == "*" else f"{_weekdays(weekday)} "
    date = f"*-{_numbers(_named_months(month), 1)}-{_numbers(day, 1)}"
    zone = f" {timezone}" if timezone else ""
    return f"{days}{date} {_numbers(hour, 0)}:{_numbers(minute, 0)}:00{zone}"


def _weekdays(field: str) -> str:
    parts = [part.split("-") for part in field.split(",")]
    if any("/" in part for names in parts for part in names):
        raise NotConvertible(field)
    return ",".join("..".join(name.capitalize() for name in names) for names in parts)


def _named_months(field: str) -> str:
    return re.sub(r"[a-z]{3}", lambda found: str(MONTHS.index(found[0]) + 1), field.lower())


def _numbers(field: str, lowest: int) -> str:
    if field == "*":
        return "*"
    return ",".join(_one(part, lowest) for part in field.split(","))


def _one(part: str, lowest: int) -> str:
    found = _FIELD.match(part)
    if found is None:
        raise NotConvertible(part)
    values, step = found.groups()
    if values == "*":
        return f"{lowest:02d}/{step}"
    written = "..".join(f"{int(value):02d}" for value in values.split("-"))
    return f"{written}/{step}" if step else written
