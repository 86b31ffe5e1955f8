"""`pypitool prune`: delete what no set wants any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_run import run_for, tell_input_warnings, workspace_of
from pypitool.cli.output import load_and_warn
from pypitool.config.kinds import span
from pypitool.config.values import BadValue

if TYPE_CHECKING:
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.mirror.sync import Mirror, Report


def _span(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float:
    try:
        return span(value or "0")
    except BadValue as fault:
        raise click.BadParameter(str(fault), ctx, parameter) from None


@command(
    "prune",
    examples=("pypitool prune", "pypitool prune --execute --older-than 30d --keep 2"),
    exits={
        1: "an input of a set cannot be read: nothing is listed",
        3: "",
        6: "another run holds the directory",
        8: "the configuration is wrong, or it has no sets",
    },
)
@option("--execute", is_flag=True, help="Delete them; nobody is asked.")
@option("-n", "--dry-run", is_flag=True, help="List them only, whatever else is said.")
@option(
    "--older-than",
    callback=_span,
    metavar="DURATION",
    help="Only what no set has wanted for this long: 30d, 12h.",
)
@option(
    "--keep",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Leave the newest N releases of each project.",
)
@on_packages
@click.pass_obj
def prune_command(invocation: Invocation, execute: bool, dry_run: bool, older_than: float, keep: int) -> int:
    """List the mirrored files that no set wants any more, or delete them.

    A set once wanted them, and none does now. What people uploaded or copied in is never among them, nor
    what only `download` brought, nor what is newer than all that the sets want of its project, nor what a
    set wanted when it was last proven to install: that stays until a newer run of `sync` proves it again.
    """
    from pypitool.mirror.configured import recipients, set_requests, web_inputs

    settings = load_and_warn(invocation).settings
    copies = web_inputs(settings, invocation.environ, only_copies=True)
    requests = set_requests(settings, (), invocation.environ, web=copies)
    for request in requests:
        tell_input_warnings(invocation, request.inputs)
    deletes = execute and not dry_run

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.core.mirror.prune_choice import PruneRules
        from pypitool.mirror.prune import prune

        rules = PruneRules(timedelta(seconds=older_than), keep)
        return prune(mirror, requests, rules, report, execute=deletes)

    return run_for(
        invocation, "prune", workspace_of(settings), work,
        arguments=["--execute"] if execute else [], dry_run=not deletes, recipients=recipients(settings),
    )  # fmt: skip
