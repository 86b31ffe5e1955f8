"""The server and the mirror at work: the keeper, systemd's units, the last runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pypitool.core.diagnosis.finding import Finding, error, warning

# The keeper gives a sign of life each second; one that ended is started again before this.
DEAD_AFTER = 20.0
LATE_AFTER = 60.0
# An update that is offered is no failure.
GOOD_CODES = (0, 10)


def of_keeper(
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


def of_units(listing: str) -> Iterator[Finding]:
    """Judge what `systemctl list-units --failed --plain --no-legend` prints."""
    for line in listing.splitlines():
        unit = line.split()[0] if line.split() else ""
        if unit.startswith("pypitool"):
            yield warning(
                "unit-failed", unit, "systemd has given it up", "what it does is not done",
                f"`journalctl -u {unit}` tells why; `systemctl reset-failed {unit}` forgets it",
            )  # fmt: skip


def of_runs(newest_first: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
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
