"""What an upload prints while it works and at its end: lines for people, or JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.errors import Kind
from pypitool.core.text import short_size
from pypitool.core.upload.plan import UploadEvent, UploadPlanned, UploadSummary

_HINTS = {
    Kind.UNAUTHORIZED: "give a user with `-u` and a password with `--password-stdin`, or a token in "
    "PYPITOOL_TOKEN; `pypitool upload --help` names every other place",
    Kind.CONFLICT: "what is published stays as it is: give other bytes another version",
}


@dataclass(frozen=True, slots=True)
class UploadOutput:
    """Writes the events of an upload: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: UploadEvent | UploadPlanned) -> None:
        """Write one event, if anybody wants to see it."""
        if self.invocation.json:
            click.echo(json.dumps(event.as_json()))
        elif isinstance(event, UploadEvent):
            self._file(event)
        elif not self.invocation.quiet:
            self._out.line(f"{event.action} {event.name}")

    def summary(self, summary: UploadSummary) -> None:
        """Write how it ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
        elif not self.invocation.quiet:
            self._out.line(_line(summary))
            for hint in (text for kind, text in _HINTS.items() if kind in summary.tally.kinds):
                self._out.done(f"hint: {hint}")

    @property
    def _out(self) -> Output:
        return Output(self.invocation)

    def _file(self, event: UploadEvent) -> None:
        if event.message is not None:
            self._out.log("error", f"{event.name}: {event.message}")
        elif event.outcome == "kept":
            self._out.done(f"kept {event.name}: it is there already, with the same bytes")
        else:
            self._out.done(f"{event.outcome} {event.name} ({short_size(event.bytes)})")


def _line(summary: UploadSummary) -> str:
    tally = summary.tally
    counts = f"{tally.uploaded} uploaded, {tally.kept} kept, {tally.failed} failed"
    amount = f", {short_size(tally.bytes)}" if tally.bytes else ""
    interrupted = ", interrupted" if summary.interrupted else ""
    return f"upload: {counts}{amount} in {summary.seconds:.1f} s{interrupted}"
