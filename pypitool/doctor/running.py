"""What is at work: the keeper, systemd's units, and the last runs of the mirror."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from shutil import which
from typing import Any

from pypitool.core.state_files import StateFiles
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, warning
from pypitool.repository.contact import Heartbeat, read_heartbeat

# The keeper gives a sign of life each second; one that ended is started again before this.
DEAD_AFTER = 20.0
LATE_AFTER = 60.0
DYING_WITHIN = 900.0
DYING_AFTER = 3  # deaths; a power failure and a kill are no habit
# An update that is offered is no failure.
GOOD_CODES = (0, 10)
_LONGEST = 5.0  # seconds that systemd may take


def look_at_keeper(context: Context) -> Iterator[Finding]:
    """Judge the keeper of a state; where there is no state yet, nobody has to be at work."""
    state = context.state
    if not state.is_dir():
        return
    heartbeat = read_heartbeat(StateFiles(state))
    if heartbeat is None:
        yield from keeper_findings(str(state), None)
        return
    now = context.now.timestamp()
    yield from keeper_findings(
        str(state), heartbeat.age(now), lag=heartbeat.lag, is_watched=heartbeat.watched
    )
    yield from failing_findings(str(state), heartbeat, now)


def keeper_findings(
    state: str, age: float | None, *, lag: float = 0.0, is_watched: bool = True
) -> Iterator[Finding]:
    """Judge a keeper by its last sign of life; `age` is None where there was none."""
    if age is None or age > DEAD_AFTER:
        silence = (
            "no keeper has ever been at work" if age is None else f"the keeper was silent for {age:.0f} s"
        )
        yield error(
            "keeper-down", state, silence, "files that are copied in or removed are not noticed",
            "start `pypitool serve`; if it runs, look into its log",
        )  # fmt: skip
        return
    if lag > LATE_AFTER:
        yield warning(
            "keeper-late", state, f"the oldest change has been waiting for {lag:.0f} s",
            "new files are listed late", "look for a slow disk, or for a program that never stops writing",
        )  # fmt: skip
    if not is_watched:
        yield warning(
            "watches-short", state, "not every folder can be watched",
            "changes there are noticed at the next walk only",
            "raise it with `sysctl fs.inotify.max_user_watches=524288`",
        )  # fmt: skip


def failing_findings(state: str, heartbeat: Heartbeat, now: float) -> Iterator[Finding]:
    """Judge whether the keeper gets its work done: it lives on when a turn fails, and is started again."""
    if heartbeat.failing:
        yield error(
            "keeper-failing", state, f"its turns fail: {heartbeat.failing}",
            "files that are copied in or removed are not noticed", "mend what it says; it goes on by itself",
        )  # fmt: skip
    lately = sum(now - moment < DYING_WITHIN for moment in heartbeat.deaths)
    if lately >= DYING_AFTER:
        yield error(
            "keeper-dying", state, f"it died {lately} times within {DYING_WITHIN / 60:.0f} minutes",
            "what it has not walked to is not listed",
            "the server's log tells why; where it says nothing, the system may be out of memory",
        )  # fmt: skip


def look_at_units(context: Context) -> Iterator[Finding]:
    """Ask systemd which of our units have failed."""
    program = which("systemctl", path=context.environ.get("PATH"))
    if program is None:
        return
    words = [program, "list-units", "--failed", "--plain", "--no-legend", "--full", "pypitool*"]
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, timeout=_LONGEST, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return  # a systemd that does not answer is nothing that we could judge
    if ended.returncode == 0:
        yield from unit_findings(ended.stdout)


def unit_findings(listing: str) -> Iterator[Finding]:
    """Judge what `systemctl list-units --failed --plain --no-legend` prints."""
    for line in listing.splitlines():
        unit = line.split()[0] if line.split() else ""
        if unit.startswith("pypitool"):
            yield warning(
                "unit-failed", unit, "systemd has given it up", "what it does is not done",
                f"`journalctl -u {unit}` tells why; `systemctl reset-failed {unit}` forgets it",
            )  # fmt: skip


def look_at_runs(context: Context) -> Iterator[Finding]:
    """Look at the record, if the mirror has ever run."""
    from pypitool.manage.runs import Runs

    if StateFiles(context.state).mirror.exists():
        yield from run_findings(Runs(context.state).listed().document)


def run_findings(newest_first: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Judge the last run of each command; a run that has not ended says nothing yet."""
    seen: set[str] = set()
    for run in newest_first:
        command, code = run["command"], run["exit_code"]
        if code is None or command in seen:
            continue
        seen.add(command)
        if code not in GOOD_CODES:
            number = run["run"]
            yield warning(
                "run-failed", f"{command} ({number})", f"the last run ended with exit code {code}",
                "what the mirror should bring may be missing", f"`pypitool runs {number}` tells what failed",
            )  # fmt: skip
