"""`pypitool sync`: the sets of the configuration, fetched and proved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages

if TYPE_CHECKING:
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.mirror.sync import Mirror, Report

SYNC_EXITS = {
    1: "a set has a hole, or one of its files cannot be used",
    3: "",
    5: "no set wants the project to explain, or no index has it",
    6: "another run holds the directory",
    7: "no index answered; trying again may help",
}


@command(
    "sync",
    examples=("pypitool sync", "pypitool sync backend --dry-run", "pypitool sync --explain numpy"),
    exits=SYNC_EXITS,
)
@click.argument("names", metavar="[SET]...", nargs=-1)
@option("-n", "--dry-run", is_flag=True, help="Say what would be fetched, and write nothing.")
@option("--locked", is_flag=True, help="Ask only for what no earlier run has planned.")
@option("--offline", is_flag=True, help="Ask nobody: what is missing is a hole.")
@option("--resolve", is_flag=True, help="Add missing dependencies, whatever `closure` the sets have.")
@option(
    "--explain", metavar="PROJECT", help="Show every file of a project and the rule that took or refused it."
)
@on_packages
@click.pass_obj
def sync_command(
    invocation: Invocation,
    names: tuple[str, ...],
    dry_run: bool,
    locked: bool,
    offline: bool,
    resolve: bool,
    explain: str | None,
) -> int:
    """Fetch what the configured sets want, and prove that they install.

    Files that are here already are kept; yanks follow the upstream. The proof reads the metadata of what is
    on disk: a hole, a requirement that nothing there satisfies for a target, is named with who needs it.
    """
    settings = invocation.load().settings
    if explain is not None:
        from pypitool.cli.explain import explain_sets

        return explain_sets(invocation, settings, names, explain)
    from pypitool.cli.stamped import Stamping

    stamping = Stamping.of(settings, names, invocation, resolve=resolve)
    if locked and not dry_run and (code := stamping.replayed(invocation)) is not None:
        return code
    # Not before: that nothing has changed is told in the time that these take to import.
    from pypitool.cli.mirror_run import place_of, run_for, tell_input_warnings
    from pypitool.mirror.configured import recipients, set_requests, upstreams
    from pypitool.mirror.sets import Closure

    requests = set_requests(settings, names)
    if resolve:
        requests = tuple(replace(request, closure=Closure.RESOLVE) for request in requests)
    for request in requests:
        tell_input_warnings(invocation, request.inputs)
    asked = upstreams(settings, invocation.environ)

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.resolve import pin_sets
        from pypitool.mirror.sync import SyncOptions, synchronise

        options = SyncOptions(dry_run=dry_run, offline=offline, locked=locked)
        sets = pin_sets(requests, asked, mirror.house, invocation.environ, offline=offline)
        with stamping.watching(mirror, sets, report, wanted=not (dry_run or offline)) as watched:
            return watched.ended(synchronise(mirror, sets, options, watched.take))

    return run_for(
        invocation, "sync", place_of(settings), work,
        arguments=names, upstreams=() if offline else asked, private=settings.policy.private,
        dry_run=dry_run, recipients=recipients(settings),
    )  # fmt: skip
