"""What a run prints while it works and at its end: lines for people, or JSON lines."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timezone

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    UpdateEvent,
    WarningEvent,
    WrittenEvent,
)
from pypitool.core.mirror.run_summary import Summary
from pypitool.core.text import short_size


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Writes the events of a run: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: Event) -> None:
        """Write one event, if anybody wants to see it."""
        if self.invocation.json:
            click.echo(json.dumps(event.as_json()))
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
            self._out.done(f"rewrote {event.file}: {', '.join(event.projects)}")

    def summary(self, summary: Summary) -> None:
        """Write how the run ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
        elif summary.command == "verify" or (summary.command == "update" and summary.run is None):
            # Their lines are the result; a count after them would only be in the way of who reads them.
            self._out.done(summary_line(summary))
        elif not self.invocation.quiet:
            self._out.line(summary_line(summary))

    @property
    def _out(self) -> Output:
        return Output(self.invocation)

    def _plan(self, event: PlanEvent) -> None:
        if not self.invocation.quiet:
            targets = f"  ({', '.join(event.targets)})" if event.targets else ""
            self._out.line(f"{event.action} {event.name}{targets}")

    def _file(self, event: FileEvent) -> None:
        if event.message is not None:
            names_it = event.message.startswith(event.name)
            self._out.log("error", event.message if names_it else f"{event.name}: {event.message}")
        elif event.outcome in ("fetched", "deleted"):
            self._out.done(f"{event.outcome} {event.name} ({short_size(event.bytes)})")
        else:
            self._out.detail(f"kept {event.name}")

    def _update(self, event: UpdateEvent) -> None:
        if self.invocation.quiet:
            return
        lines = list(event.lines())
        # People want to know the age; programs read the bare line.
        if event.new is not None and event.uploaded and (self.invocation.verbose or sys.stdout.isatty()):
            lines[0] += f"  ({_age(event.uploaded)})"
        for line in lines:
            self._out.line(line)
        if not lines:
            self._out.detail(f"{event.project} {event.have} is the newest")


def summary_line(summary: Summary) -> str:
    """Say how a run ended in one line."""
    amount = f", {short_size(summary.tally.bytes)}" if summary.tally.bytes else ""
    return f"{summary.command}: {', '.join(_counts(summary))}{amount} in {summary.seconds:.1f} s"


def _counts(summary: Summary) -> list[str]:
    tally = summary.tally
    failed = f"{tally.failed} failed"
    if summary.command == "verify":
        return [f"{tally.files} files", f"{tally.differences} differ", failed]
    if summary.command == "check":
        return [f"{tally.holes} holes"]
    if summary.command == "prune":
        return [f"{tally.deleted} deleted", failed]
    offered = [f"{tally.offered} offered"] if summary.command == "update" else []
    if offered and summary.run is None:
        return [*offered, failed]
    return [*offered, f"{tally.fetched} fetched", f"{tally.kept} kept", failed, f"{tally.holes} holes"]


def _age(uploaded: str) -> str:
    moment = datetime.fromisoformat(uploaded.replace("Z", "+00:00"))
    days = (datetime.now(timezone.utc) - moment).days
    return "of today" if days < 1 else f"{days} day{'s' * (days != 1)} old"
