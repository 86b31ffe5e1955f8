"""`pypitool runs`: what each run of the mirror did."""

from __future__ import annotations

import sys
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
from pypitool.core.mirror.run_history import event_lines, result_words
from pypitool.core.mirror.run_words import set_lines

if TYPE_CHECKING:
    from pypitool.manage.runs import Runs

_HEADINGS = ("Run", "Started (UTC)", "Took", "Command", "Result")
_NONE = "there was no run of the mirror yet"


@command("runs", examples=("pypitool runs", "pypitool runs 17 --json"), exits={5: "there is no such run"})
@click.argument("number", metavar="[RUN]", type=int, required=False)
@on_packages
@on_server
@click.pass_obj
def runs_command(invocation: Invocation, number: int | None) -> int:
    """List the runs of the mirror, newest first, or show what one did.

    In a pipe there is one line for each run, with tabs: number, command, start, seconds, exit code, files
    fetched, bytes, and how much failed and is missing. Of one run `-v` names what was kept as well.
    """
    from pypitool.manage.runs import Runs

    with managed(invocation, _local_runs) as there:
        reply = there.run(Runs.listed) if number is None else there.run(Runs.run, number)
    found = reply.document
    output = Output(invocation)
    if invocation.json:
        output.document(found)
    elif isinstance(found, list):
        _list(output, found)
    else:
        _show(output, found, detailed=bool(invocation.verbose))
    return 0


def _list(output: Output, found: list[dict[str, Any]]) -> None:
    if not sys.stdout.isatty():
        output.table((), map(_row, found), nothing=_NONE)
        return
    output.table(
        _HEADINGS,
        [
            (str(run["run"]), _moment(run["started"]), _took(run), run["command"], result_words(run))
            for run in found
        ],
        nothing=_NONE,
    )


def _show(output: Output, run: dict[str, Any], *, detailed: bool) -> None:
    output.line(f"run {run['run']}: {run['command']}, begun {_moment(run['started'])} UTC")
    for event in run["events"]:
        for line in event_lines(event, detailed=detailed):
            output.line(line)
    for one in run.get("sets", ()):
        for line in set_lines(one["set"], one["installs_on"], one["lacks"]):
            output.line(line)
    took = f" after {_took(run)}" if run["seconds"] is not None else ""
    output.line(f"it ended{took}: {result_words(run)}" if took else f"it {result_words(run)}")


def _moment(started: str) -> str:
    return started[:16].replace("T", " ")


def _took(run: dict[str, Any]) -> str:
    return "" if run["seconds"] is None else f"{run['seconds']:.1f} s"


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
