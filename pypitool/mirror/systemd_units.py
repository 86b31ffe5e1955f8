"""The units that run a job by systemd instead of by `pypitool daemon`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pypitool.core.calendar_times import on_calendar
from pypitool.mirror.schedule import Timing


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
