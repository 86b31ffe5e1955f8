"""`pypitool runs`: what each run of the mirror did."""

from __future__ import annotations

import json
from typing import Any

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages
from pypitool.cli.output import Output
from pypitool.cli.remote_options import managed_runs, on_server

_HEADINGS = ("RUN", "COMMAND", "STARTED", "SECONDS", "EXIT", "FETCHED", "BYTES", "FAILED", "HOLES")


@command("runs", examples=("pypitool runs", "pypitool runs 17 --json"), exits={5: "there is no such run"})
@click.argument("number", metavar="[RUN]", type=int, required=False)
@on_packages
@on_server
@click.pass_obj
def runs_command(invocation: Invocation, number: int | None) -> int:
    """List the runs of the mirror, newest first, or show what one did."""
    with managed_runs(invocation) as runs:
        found = runs.listed() if number is None else runs.run(number)
    output = Output(invocation)
    if invocation.json:
        output.document(found)
    elif isinstance(found, list):
        output.table(_HEADINGS, map(_row, found))
    else:
        events = found.pop("events")
        output.table(_HEADINGS, [_row(found)])
        for event in events:
            output.line(json.dumps(event))
    return 0


def _row(run: dict[str, Any]) -> list[str]:
    return ["-" if value is None else str(value) for value in run.values()]
