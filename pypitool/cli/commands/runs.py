"""`pypitool runs`: what each run of the mirror did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_run import workspace_of
from pypitool.cli.output import Output, load_and_warn
from pypitool.cli.remote import managed, on_server

if TYPE_CHECKING:
    from pypitool.manage.runs import Runs

_HEADINGS = ("RUN", "COMMAND", "STARTED", "SECONDS", "EXIT", "FETCHED", "BYTES", "FAILED", "HOLES")


@command("runs", examples=("pypitool runs", "pypitool runs 17 --json"), exits={5: "there is no such run"})
@click.argument("number", metavar="[RUN]", type=int, required=False)
@on_packages
@on_server
@click.pass_obj
def runs_command(invocation: Invocation, number: int | None) -> int:
    """List the runs of the mirror, newest first, or show what one did."""
    from pypitool.manage.runs import Runs

    with managed(invocation, _local_runs) as there:
        reply = there.run(Runs.listed) if number is None else there.run(Runs.run, number)
    found = reply.document
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


@contextmanager
def _local_runs(invocation: Invocation) -> Iterator[Runs]:
    from pypitool.manage.runs import Runs
    from pypitool.repository.state_errors import PackagesMissing

    # Not the repository: a job that never could begin has left a row, and perhaps nothing else.
    workspace = workspace_of(load_and_warn(invocation).settings)
    state = workspace.state_directory()
    for root in workspace.roots:
        if not (root.is_dir() or state.is_dir()):
            raise PackagesMissing(root)
    yield Runs(state)


def _row(run: dict[str, Any]) -> list[str]:
    return ["-" if value is None else str(value) for value in run.values()]
