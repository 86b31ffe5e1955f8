"""`pypitool check`: the proof alone, in milliseconds and without the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_rescanned
from pypitool.cli.mirror_options import (
    RequirementOptions,
    TargetOptions,
    requirement_file_options,
    target_options,
)
from pypitool.cli.mirror_run import RunOutput
from pypitool.core.mirror.run_summary import Ending, Summary, Tally, run_exit_code, run_outcome

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.mirror.sets import SetRequest


@command(
    "check",
    examples=("pypitool check", "pypitool check -r requirements.txt --packages packages"),
    exits={1: "something is missing: each hole is named with who needs it"},
)
@click.argument("names", metavar="[SET]...", nargs=-1)
@requirement_file_options
@target_options
@on_packages
@click.pass_obj
def check_command(
    invocation: Invocation, names: tuple[str, ...], wanted: RequirementOptions, whom: TargetOptions
) -> int:
    """Prove that sets install without the internet.

    The metadata of what is on disk is followed for each target, from the lines of each set: a requirement
    that nothing here satisfies is a hole.
    """
    import time

    settings, began = invocation.load().settings, time.monotonic()
    if names and not wanted.is_empty():
        raise click.UsageError("name sets, or files with -r, not both")
    requests = _requests(settings, names, wanted, whom)
    tally = _proved(invocation, requests, Tally())
    summary = Summary(
        "check", run_exit_code(tally, Ending()), run_outcome(tally, Ending()), tally, time.monotonic() - began
    )
    RunOutput(invocation).summary(summary)
    return summary.exit_code


def _requests(
    settings: Settings, names: tuple[str, ...], wanted: RequirementOptions, whom: TargetOptions
) -> tuple[SetRequest, ...]:
    from pypitool.mirror.configured import selection_rules, set_requests, targets
    from pypitool.mirror.sets import SetRequest

    if wanted.is_empty():
        return set_requests(settings, names)
    inputs = wanted.read()
    return (
        SetRequest("check", inputs, whom.targets(targets(settings)), rules=selection_rules(settings, inputs)),
    )


def _proved(invocation: Invocation, requests: tuple[SetRequest, ...], tally: Tally) -> Tally:
    from pypitool.mirror.available import HeldFiles, prove_sets
    from pypitool.mirror.sets import pin_set

    output = RunOutput(invocation)
    with open_rescanned(invocation) as repository:
        sets = [pin_set(request, {}) for request in requests]
        for event in prove_sets(sets, HeldFiles(repository.catalogue)):
            output.event(event)
            tally = tally.after(event)
    return tally
