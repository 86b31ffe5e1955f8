"""`pypitool check`: the proof alone, in milliseconds and without the network."""

from __future__ import annotations

import time
from functools import partial

import click

from pypitool.cli.command import command
from pypitool.cli.completing import set_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_to_look
from pypitool.cli.mirror_options import (
    RequirementOptions,
    TargetOptions,
    requirement_file_options,
    target_options,
)
from pypitool.cli.mirror_run import interruptible
from pypitool.cli.run_output import RunOutput
from pypitool.core.mirror.run_events import Event
from pypitool.core.mirror.run_summary import Ending, Summary, Tally, run_exit_code, run_outcome


@command(
    "check",
    examples=("pypitool check", "pypitool check -r requirements.txt --packages packages"),
    exits={1: "a dependency is missing, each with who needs it; or nothing is required on a target"},
)
@click.argument("names", metavar="[SET]...", nargs=-1, shell_complete=set_names)
@requirement_file_options
@target_options
@on_packages
@click.pass_obj
def check_command(
    invocation: Invocation, names: tuple[str, ...], wanted: RequirementOptions, whom: TargetOptions
) -> int:
    """Prove that sets install without the internet.

    The metadata of what is on disk is followed for each target, from the lines of each set: a requirement
    that nothing here satisfies is a missing dependency, and is named with who needs it. `--json` calls it
    a hole.
    """
    settings, began = invocation.load().settings, time.monotonic()
    if names and not wanted.is_empty():
        raise click.UsageError("name sets, or files with -r, not both")
    from pypitool.mirror.available import prove_requests, proven_sets
    from pypitool.mirror.configured import named_request, set_requests, targets, web_inputs

    if wanted.is_empty():
        copies = web_inputs(settings, invocation.environ, only_copies=True)
        requests = set_requests(settings, names, web=copies)
    else:
        waiting = partial(interruptible, invocation)
        inputs = wanted.read(web_inputs(settings, invocation.environ, waiting=waiting))
        requests = (named_request("check", settings, inputs, whom.targets(targets(settings))),)
    output, tally = RunOutput(invocation), Tally()

    def take(event: Event) -> None:
        nonlocal tally
        output.event(event)
        tally = tally.after(event)

    with open_to_look(invocation, mends=False) as repository:
        proofs = prove_requests(requests, repository.catalogue, take)
    ending = Ending(only_proof=True)
    code, outcome = run_exit_code(tally, ending), run_outcome(tally, ending)
    summary = Summary("check", code, outcome, tally, time.monotonic() - began, sets=proven_sets(proofs))
    output.summary(summary)
    return summary.exit_code
