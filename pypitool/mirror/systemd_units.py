"""The units that run a job by systemd instead of by `pypitool daemon`.

A cron line as systemd writes it: `30 3 * * mon-fri` is `Mon..Fri *-*-* 03:30:00`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.cron import MONTHS
from pypitool.core.state_files import SERVICE
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
    """A job as its units need it; every path is absolute."""

    name: str
    timing: Timing
    program: Path  # pypitool itself
    config: Path
    writable: Sequence[Path] = ()  # directories that the run puts files into
    readable: Sequence[Path] = ()  # what it reads besides
    success: Sequence[int] = ()  # exit codes that are no failure, besides 0


def unit_files(job: UnitJob) -> dict[str, str]:
    """Return the service and the timer of a job, by the names of their files."""
    return {f"pypitool-{job.name}.service": _service(job), f"pypitool-{job.name}.timer": _timer(job)}


def units_of(job: UnitJob) -> str:
    """Return the service and the timer of a job, each after a line that names its file."""
    return "\n".join(f"# {name}\n{text}" for name, text in unit_files(job).items())


# As in systemd/pypitool-sync.service.
_SERVICE = """[Unit]
Description=pypitool job {name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={command}
{success}# A first run may take hours; an interrupted one goes on where it was.
TimeoutStartSec=infinity
# SIGTERM ends it after the reads in hand; partial files are kept.
KillMode=mixed
TimeoutStopSec=60

User=pypitool
Group=pypitool
UMask=0027
StateDirectory=pypitool
StateDirectoryMode=0750
WorkingDirectory={home}
# Clients of the server come first.
Nice=10
IOSchedulingClass=idle

CapabilityBoundingSet=
AmbientCapabilities=

# It writes its state and what is named here, and nothing else.
ProtectSystem=strict
{writable}ProtectHome={protect_home}
PrivateTmp={private_tmp}
PrivateDevices=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectKernelLogs=true
ProtectControlGroups=true
ProtectClock=true
ProtectHostname=true
ProtectProc=invisible
NoNewPrivileges=true
RestrictSUIDSGID=true
RestrictNamespaces=true
RestrictRealtime=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=true
MemoryDenyWriteExecute=true
RemoveIPC=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
# What `ProtectHome=true` hides, so that `ReadWritePaths=` does not open it either; and `PrivateTmp=true`.
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  # nothing is put there


def _service(job: UnitJob) -> str:
    words = [str(job.program), "--config", str(job.config), "schedule", "run", job.name]
    # The state directory is the unit's to write already, and made by it.
    elsewhere = [path for path in dict.fromkeys(job.writable) if not path.is_relative_to(SERVICE)]
    needed = (job.program, job.config, *job.writable, *job.readable)
    return _SERVICE.format(
        name=job.name,
        command=" ".join(_escaped(word).replace("$", "$$") for word in words),
        success=f"SuccessExitStatus={' '.join(map(str, job.success))}\n" if job.success else "",
        home=SERVICE,
        writable="".join(f"ReadWritePaths={_escaped(str(path))}\n" for path in elsewhere),
        protect_home="read-only" if _any_below(needed, _HOMES) else "true",
        private_tmp="false" if _any_below(needed, _TEMPORARY) else "true",
    )


def _any_below(paths: Iterable[Path], places: Sequence[Path]) -> bool:
    return any(path.is_relative_to(place) for path in paths for place in places)


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
    # systemd.unit(5): `%` begins a specifier, and a backslash an escape, within quotes too.
    return shlex.quote(word.replace("\\", "\\\\")).replace("%", "%%")


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
