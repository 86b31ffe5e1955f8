"""What a run prints: results on stdout, talk on stderr, and at its end what it came to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output, visible
from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    SetEvent,
    UpdateEvent,
    WarningEvent,
    WrittenEvent,
)
from pypitool.core.mirror.run_summary import RunOutcome, Summary
from pypitool.core.text import counted, short_size

# What is missing in these is mended by another pin, or by uv.
_MENDABLE = ("download", "sync")


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Writes the events of a run: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: Event) -> None:
        """Write one event, if anybody wants to see it."""
        if self.invocation.json:
            click.echo(json.dumps(document(event)))
        elif isinstance(event, (HoleEvent, DifferenceEvent)):
            self._out.line(str(event))
        elif isinstance(event, PlanEvent):
            self._plan(event)
        elif isinstance(event, FileEvent):
            self._file(event)
        elif isinstance(event, ProjectEvent):
            self._out.log("error", event.message)
        elif isinstance(event, WarningEvent):
            self._out.warning(event.message)
        elif isinstance(event, UpdateEvent):
            self._update(event)
        elif isinstance(event, WrittenEvent):
            added = f"; added {', '.join(event.added)}" if event.added else ""
            self._out.done(f"rewrote {event.file}: {', '.join(event.projects)}{added}")
        elif isinstance(event, SetEvent):
            self._set(event)

    def ended(
        self, summary: Summary, told: Sequence[Event], *, directory: str | None = None, offers: bool = False
    ) -> None:
        """Write how a run ended that said all this: where its files are, and what can be done next."""
        output = self._out
        if not (self.invocation.json or self.invocation.quiet):
            for line in () if self.invocation.verbose else _prereleases(told):
                output.line(line)
        self.summary(summary, directory)
        if not self.invocation.json:
            for hint in _hints(summary, told, offers=offers):
                output.done(f"hint: {hint}")

    def summary(self, summary: Summary, directory: str | None = None) -> None:
        """Write how a run ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
            return
        if not self.invocation.quiet:
            for line in (line for one in summary.sets for line in one.lines()):
                self._out.line(line)
        if summary.command == "verify" or (summary.command == "update" and summary.run is None):
            # Their lines are the result; a count after them would only be in the way of who reads them.
            self._out.done(summary_line(summary, directory))
        elif not self.invocation.quiet:
            self._out.line(summary_line(summary, directory))

    @property
    def _out(self) -> Output:
        return Output(self.invocation)

    def _plan(self, event: PlanEvent) -> None:
        if not self.invocation.quiet:
            size = f"  {short_size(event.bytes)}" if event.bytes is not None else ""
            targets = f"  ({', '.join(event.targets)})" if event.targets else ""
            self._out.line(f"{event.action} {event.name}{size}{targets}")

    def _file(self, event: FileEvent) -> None:
        if event.message is not None:
            names_it = event.message.startswith(event.name)
            self._out.log("error", event.message if names_it else f"{event.name}: {event.message}")
        elif event.outcome in ("fetched", "deleted"):
            self._out.done(f"{event.outcome} {event.name} ({short_size(event.bytes)})")
        else:
            self._out.detail(f"kept {event.name}")

    def _set(self, event: SetEvent) -> None:
        # uv explains in several lines why there is no solution.
        first, *rest = event.message.splitlines()
        self._out.log("error", f"{event.set}: {first}")
        for line in rest:
            click.echo(visible(line), err=True)

    def _update(self, event: UpdateEvent) -> None:
        if self.invocation.quiet:
            return
        lines = list(event.lines(with_prereleases=bool(self.invocation.verbose)))
        # People want to know the age; programs read the bare line.
        if event.new is not None and event.uploaded and (self.invocation.verbose or sys.stdout.isatty()):
            lines[0] += f"  ({_age(event.uploaded)})"
        for line in lines:
            self._out.line(line)
        if event.new is None and not event.held:
            self._out.detail(f"{event.project} {event.have} is the newest")


def summary_line(summary: Summary, directory: str | None = None) -> str:
    """Say how a run ended in one line, and where its files are."""
    tally = summary.tally
    amount = f", {short_size(tally.bytes)}" if tally.bytes else ""
    where = f"; the files are in {directory}" if directory is not None and tally.fetched else ""
    stopped = ", interrupted" if summary.outcome is RunOutcome.INTERRUPTED else ""
    counts = ", ".join(_counts(summary))
    return f"{summary.command}: {counts}{amount} in {summary.seconds:.1f} s{stopped}{where}"


def _prereleases(told: Iterable[Event]) -> Iterator[str]:
    """Say in one line what few want to read of each: lxml alone has four of them."""
    updates = [event for event in told if isinstance(event, UpdateEvent)]
    held = [sum(one.is_prerelease for one in event.held) for event in updates]
    if total := sum(held):
        projects = len([count for count in held if count])
        yield f"held {counted(total, 'pre-release')} of {counted(projects, 'project')}: --pre offers them"


def _hints(summary: Summary, told: Iterable[Event], *, offers: bool) -> Iterator[str]:
    holes = (event for event in told if isinstance(event, HoleEvent))
    missing = sorted({event.unpinned for event in holes if event.unpinned is not None})
    if missing and summary.command in _MENDABLE:
        names = ", ".join(f"`{name}`" for name in missing)
        yield f"pin {names}, or let uv add what is missing with --resolve"
    if offers and summary.tally.offered and not summary.plans:
        yield "--execute (-x) fetches them"


def _counts(summary: Summary) -> list[str]:
    tally = summary.tally
    failed = f"{tally.failed} failed"
    if summary.plans:
        return [
            _planned(summary),
            failed,
            *([f"{tally.holes} missing"] if summary.command != "prune" else []),
        ]
    if summary.command == "verify":
        return [f"{tally.files} files", f"{tally.differences} differ", failed]
    if summary.command == "check":
        return [f"{tally.holes} missing"]
    if summary.command == "prune":
        return [f"{tally.deleted} deleted", failed]
    offered = [f"{tally.offered} offered"] if summary.command == "update" else []
    if offered and summary.run is None:
        return [*offered, failed]
    return [*offered, f"{tally.fetched} fetched", f"{tally.kept} kept", failed, f"{tally.holes} missing"]


def _planned(summary: Summary) -> str:
    tally = summary.tally
    would = "would be deleted with --execute" if summary.command == "prune" else "would be fetched"
    sizes = [short_size(tally.planned_bytes)] if tally.planned_bytes else []
    if tally.planned_unsized:
        sizes.append(f"the size of {tally.planned_unsized} is unknown")
    return " ".join((counted(tally.planned, "file"), would, *([f"({'; '.join(sizes)})"] if sizes else [])))


def _age(uploaded: str) -> str:
    moment = datetime.fromisoformat(uploaded.replace("Z", "+00:00"))
    days = (datetime.now(timezone.utc) - moment).days
    return "of today" if days < 1 else f"{days} day{'s' * (days != 1)} old"
