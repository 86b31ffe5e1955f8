"""`pypitool runs`: what each run of the mirror did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened
from pypitool.cli.output import Output
from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.mirror.record import MirrorRecord, Run


_HEADINGS = ("RUN", "COMMAND", "STARTED", "SECONDS", "EXIT", "FETCHED", "BYTES", "FAILED", "HOLES")


class NoSuchRun(PypitoolError):
    """A run that is not on record."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND
    hint = "`pypitool runs` lists those that are"

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"there is no run {self.number}"


@command("runs", examples=("pypitool runs", "pypitool runs 17 --json"), exits={5: "there is no such run"})
@click.argument("number", metavar="[RUN]", type=int, required=False)
@on_packages
@click.pass_obj
def runs_command(invocation: Invocation, number: int | None) -> int:
    """List the runs of the mirror, newest first, or show what one did."""
    from pypitool.mirror.record import RECORD_FILE, MirrorRecord

    with opened(invocation, reader_only=True) as repository:
        record = MirrorRecord(repository.files.directory / RECORD_FILE, scratch=True)
        if number is None:
            _print_list(invocation, record.runs())
        else:
            _print_one(invocation, record, number)
    return 0


def _print_list(invocation: Invocation, runs: tuple[Run, ...]) -> None:
    output = Output(invocation)
    if invocation.json:
        output.document([_document(run) for run in runs])
        return
    output.table(_HEADINGS, [_row(run) for run in runs])


def _print_one(invocation: Invocation, record: MirrorRecord, number: int) -> None:
    run = record.run(number)
    if run is None:
        raise NoSuchRun(number)
    output, events = Output(invocation), record.events(number)
    if invocation.json:
        output.document({**_document(run), "events": list(events)})
        return
    output.table(
        ("RUN", "COMMAND", "STARTED", "SECONDS", "EXIT", "FETCHED", "BYTES", "FAILED", "HOLES"), [_row(run)]
    )
    for event in events:
        output.line(json.dumps(event))


def _document(run: Run) -> dict[str, object]:
    summary = run.summary
    return {
        "run": run.number,
        "command": run.command,
        "started": run.started,
        "seconds": summary and round(summary.seconds, 3),
        "exit_code": summary and summary.exit_code,
        "fetched": summary and summary.tally.fetched,
        "bytes": summary and summary.tally.bytes,
        "failed": summary and summary.tally.failed,
        "holes": summary and summary.tally.holes,
    }


def _row(run: Run) -> list[str]:
    return ["-" if value is None else str(value) for value in _document(run).values()]
