"""The units that run a job by systemd instead of by `pypitool daemon`.

A cron line as systemd writes it: `30 3 * * mon-fri` is `Mon..Fri *-*-* 03:30:00`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.cron import MONTHS
from pypitool.mirror.schedule import Timing

_FIELD = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?\Z")


class NotConvertible(PypitoolError):
    """A field that systemd has no word for."""

    kind = Kind.CONFIG
    sentence = "`{field}` cannot be written as a systemd calendar time"
    hint = "write it as a list or a range of values"
    field: str


@dataclass(frozen=True, slots=True)
class UnitJob:
    """A job as its units need it."""

    name: str
    timing: Timing
    program: Path  # of pypitool, absolute
    config: Path  # absolute
    writable: Sequence[Path] = ()


def units_of(job: UnitJob) -> str:
    """Return the service and the timer of a job, each after a line that names its file."""
    return f"# pypitool-{job.name}.service\n{_service(job)}\n# pypitool-{job.name}.timer\n{_timer(job)}"


def _service(job: UnitJob) -> str:
    words = [str(job.program), "--config", str(job.config), "schedule", "run", job.name]
    command = " ".join(_escaped(word) for word in words)
    writable = "".join(f"ReadWritePaths={_escaped(str(path))}\n" for path in job.writable)
    return f"""[Unit]
Description=pypitool job {job.name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=pypitool
Group=pypitool
StateDirectory=pypitool
ExecStart={command}
TimeoutStartSec=infinity
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=read-only
{writable}"""


def _timer(job: UnitJob) -> str:
    timing = job.timing
    delay = int(timing.jitter / timedelta(seconds=1))
    return f"""[Unit]
Description=pypitool job {job.name}, on time

[Timer]
OnCalendar={on_calendar(timing.cron, timing.timezone)}
Persistent={"true" if timing.catch_up else "false"}
{f"RandomizedDelaySec={delay}s" if delay else "RandomizedDelaySec=0"}

[Install]
WantedBy=timers.target
"""


def _escaped(word: str) -> str:
    # systemd.service(5): `%` begins a specifier, and `$` a variable.
    return shlex.quote(word).replace("%", "%%").replace("$", "$$")


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
