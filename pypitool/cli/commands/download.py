"""`pypitool download`: what `pip download` does, for every Python and platform at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.explained import print_explained
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_options import (
    RequirementOptions,
    TargetOptions,
    UpstreamOptions,
    requirement_options,
    target_options,
    upstream_options,
)
from pypitool.cli.mirror_run import run_for, tell_input_warnings, workspace_of

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.core.mirror.targets import Target
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.run import RunFrame
    from pypitool.mirror.sets import SetRequest
    from pypitool.mirror.sync import Mirror, Report
    from pypitool.upstream.upstream import Upstream


@command(
    "download",
    examples=(
        "pypitool download -r requirements.txt -d packages",
        "pypitool download flask==3.0.3 --platform win_amd64 --python-version 3.12",
    ),
    exits={
        1: "a dependency is missing for a target, or a file of requirements cannot be used",
        3: "",
        5: "nothing asks for the project to explain, or no index has it",
        6: "another run holds the directory",
        7: "no index answered; trying again may help",
    },
)
@requirement_options
@option("--no-deps", is_flag=True, topic="What", help="Take nothing but what is named.")
@option(
    "--exact", is_flag=True, topic="What", help="Take pins of the command line alone, as those of a file."
)
@option("--resolve", is_flag=True, topic="What", help="Add missing dependencies, although all is pinned.")
@target_options
@upstream_options
@option(
    "-d", "--dest", "directory", type=click.Path(path_type=Path), topic="Where", metavar="DIR",
    help="Put the files here; default: the configured directory, else ~/packages.",
)  # fmt: skip
@on_packages
@option(
    "-n",
    "--dry-run",
    is_flag=True,
    topic="How",
    help="Say what would be fetched and what missing; write nothing.",
)
@option(
    "--explain", metavar="PROJECT", topic="How",
    help="Show every file of a project and the rule that took or refused it; fetch nothing.",
)  # fmt: skip
@click.pass_obj
def download_command(
    invocation: Invocation,
    wanted: RequirementOptions,
    whom: TargetOptions,
    where: UpstreamOptions,
    directory: Path | None,
    no_deps: bool,
    exact: bool,
    resolve: bool,
    dry_run: bool,
    explain: str | None,
) -> int:
    """Fetch packages with their dependencies, for this machine or for others.

    What is named here comes with what it needs, which uv resolves first. A file whose lines are all pins is
    fetched exactly and then checked: a dependency that is missing is named; what stands beside it on the
    command line is resolved within its pins. Files that are here already are kept.
    """
    if wanted.is_empty():
        raise click.UsageError("name a requirement, or a file of them with -r")
    from pypitool.mirror.configured import targets, upstreams

    settings = invocation.load().settings
    inputs, asked_for = wanted.read(where.web_inputs(settings, invocation)), whom.targets(targets(settings))
    tell_input_warnings(invocation, inputs)
    request = _request(settings, inputs, asked_for, no_deps=no_deps, exact=exact, resolve=resolve)
    asked = where.upstreams(upstreams(settings, invocation.environ))

    if explain is not None:
        return print_explained(invocation, _only_looking(settings, directory, asked), [request], explain)

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.sync import SyncOptions, pin_sets, synchronise

        sets = pin_sets(mirror, [request], invocation.environ)
        return synchronise(mirror, sets, SyncOptions(dry_run=dry_run, remembers=False), report)

    return run_for(
        invocation, "download", workspace_of(settings, directory), work,
        arguments=wanted.lines, upstreams=asked, private=settings.policy.private,
        largest_file=settings.policy.max_file_size, dry_run=dry_run,
    )  # fmt: skip


def _request(
    settings: Settings,
    inputs: Inputs,
    targets: tuple[Target, ...],
    *,
    no_deps: bool,
    exact: bool,
    resolve: bool,
) -> SetRequest:
    from pypitool.mirror.configured import named_request

    words = () if exact else inputs.words
    every = resolve or any(line not in words for line in inputs.unpinned(targets))
    # Where files pin all of their lines, these stay as they are, beside what the words need.
    kept = () if every else tuple(line for line in inputs.wanted if line not in words)
    return named_request(
        "download", settings, inputs, targets, no_deps=no_deps, resolve=every or bool(words), exact=kept
    )


def _only_looking(settings: Settings, directory: Path | None, asked: Sequence[Upstream]) -> RunFrame:
    from pypitool.mirror.run import RunFrame

    place = workspace_of(settings, directory)
    return RunFrame("download", "download", place, asked, settings.policy.private, dry_run=True)
