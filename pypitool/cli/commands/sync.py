"""`pypitool sync`: the sets of the configuration, fetched and proved.

With `--explain PROJECT`: each file on offer, and the rule that took or refused it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.completing import set_names
from pypitool.cli.explained import print_explained
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_run import interruptible, run_for, tell_input_warnings, workspace_of
from pypitool.core.state_files import StateFiles

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.mirror.run import Work
    from pypitool.mirror.sets import SetRequest
    from pypitool.mirror.sync import Mirror, Report, SyncOptions
    from pypitool.mirror.unchanged import SyncQuestion
    from pypitool.mirror.web_inputs import WebInputs

SYNC_EXITS = {
    1: "a dependency is missing for a target, or one of its files cannot be used",
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
@click.argument("names", metavar="[SET]...", nargs=-1, shell_complete=set_names)
@option("-n", "--dry-run", is_flag=True, help="Say what would be fetched and what missing; write nothing.")
@option("--locked", is_flag=True, help="Ask only for what no earlier run has planned.")
@option("--offline", is_flag=True, help="Ask nobody: what is not here is named as missing.")
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
    on disk: a dependency that is missing for a target is named with who needs it. Of each set it is said
    where it installs without the internet. `--json` calls what is missing a hole.
    """
    from pypitool.mirror.unchanged import SyncQuestion

    settings = invocation.load().settings
    if explain is not None:
        return _explain(invocation, settings, names, explain)

    began, question = time.monotonic(), SyncQuestion.of(settings, names, invocation.environ, resolve=resolve)
    if locked and not dry_run and (code := _known_outcome(invocation, question, began)) is not None:
        return code
    # Not before: that nothing has changed is told in the time that these take to import.
    from pypitool.mirror.configured import recipients, set_requests, upstreams
    from pypitool.mirror.sync import SyncOptions

    asks_nobody = locked or offline
    web = _web_inputs(invocation, settings, only_copies=asks_nobody)
    requests = set_requests(settings, names, resolve=resolve, web=web)
    for request in requests:
        tell_input_warnings(invocation, request.inputs)
    asked = upstreams(settings, invocation.environ)
    options = SyncOptions(dry_run=dry_run, offline=offline, locked=locked)
    return run_for(
        invocation, "sync", workspace_of(settings), _work(invocation, question, requests, options, web),
        arguments=names, upstreams=() if offline else asked, private=settings.policy.private,
        largest_file=settings.policy.max_file_size,
        dry_run=dry_run, recipients=recipients(settings),
    )  # fmt: skip


def _web_inputs(invocation: Invocation, settings: Settings, *, only_copies: bool) -> WebInputs:
    from pypitool.mirror.configured import web_inputs

    waiting, stop = partial(interruptible, invocation), invocation.stop
    return web_inputs(settings, invocation.environ, stop=stop, waiting=waiting, only_copies=only_copies)


def _known_outcome(invocation: Invocation, question: SyncQuestion, began: float) -> int | None:
    # Of a job or with --packages, where the program could not answer at once: that too writes nothing.
    from pypitool.mirror.fast_answer import outcome_lines, warning_lines

    stamp = question.stamp()
    if stamp is None:
        return None
    for text in outcome_lines(stamp, is_json=invocation.json, is_quiet=invocation.quiet, began=began):
        click.echo(text)
    for text in warning_lines(stamp, is_json=invocation.json, is_quiet=invocation.quiet):
        click.echo(text, err=True)
    return stamp.exit_code


def _work(
    invocation: Invocation,
    question: SyncQuestion,
    requests: Sequence[SetRequest],
    options: SyncOptions,
    web: WebInputs,
) -> Work:
    from pypitool.mirror.fast_answer import remember_line
    from pypitool.mirror.sync import pin_sets, synchronise
    from pypitool.mirror.unchanged import RunOutcomes

    def work(mirror: Mirror, report: Report) -> Ending:
        if not (options.dry_run or web.copies):
            web.keep(StateFiles(question.state).inputs, all_of_them=question.is_of_all)
        sets = pin_sets(mirror, requests, invocation.environ, offline=options.offline)
        outcomes = RunOutcomes(report)
        ending = synchronise(mirror, sets, options, outcomes.take)
        if not (options.dry_run or options.offline) and outcomes.are_final(ending):
            question.keep_stamp(mirror.repository, sets, outcomes, ending.sets)
            remember_line(invocation.line, question)
        return ending

    return work


def _explain(invocation: Invocation, settings: Settings, names: tuple[str, ...], project: str) -> int:
    from pypitool.mirror.configured import set_requests, upstreams
    from pypitool.mirror.run import RunFrame

    asked = upstreams(settings, invocation.environ)
    frame = RunFrame("sync", "sync", workspace_of(settings), asked, settings.policy.private, dry_run=True)
    return print_explained(invocation, frame, set_requests(settings, names), project)
