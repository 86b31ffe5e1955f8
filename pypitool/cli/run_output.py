"""What a run prints while it works and at its end: lines for people, or JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.quantities import short_size
from pypitool.core.run_events import (
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    Summary,
    WarningEvent,
)


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Writes the events of a run: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: Event) -> None:
        """Write one event, if anybody wants to see it."""
        if self.invocation.json:
            click.echo(json.dumps(event.as_json()))
        elif isinstance(event, HoleEvent):
            self._out.line(str(event))
        elif isinstance(event, PlanEvent):
            self._plan(event)
        elif isinstance(event, FileEvent):
            self._file(event)
        elif isinstance(event, ProjectEvent):
            self._out.log("error", event.message)
        elif isinstance(event, WarningEvent):
            self._out.warning(event.message)

    def summary(self, summary: Summary) -> None:
        """Write how the run ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
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
            self._out.log("error", f"{event.name}: {event.message.removeprefix(f'{event.name}: ')}")
        elif event.outcome == "fetched":
            self._out.done(f"fetched {event.name} ({short_size(event.bytes)})")
        else:
            self._out.detail(f"kept {event.name}")


def summary_line(summary: Summary) -> str:
    """Say how a run ended in one line."""
    tally = summary.tally
    amount = f", {short_size(tally.bytes)}" if tally.bytes else ""
    return (
        f"{summary.command}: {tally.fetched} fetched, {tally.kept} kept, {tally.failed} failed, "
        f"{tally.holes} holes{amount} in {summary.seconds:.1f} s"
    )
