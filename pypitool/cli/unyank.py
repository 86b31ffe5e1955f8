"""`pypitool unyank`: give a release back to the choice of installers."""

from __future__ import annotations

import click

from pypitool.cli.command import command
from pypitool.cli.deciding import tell_change
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened_fresh, project_names


@command(
    "unyank",
    examples=("pypitool unyank acme-core 1.2.0", "pypitool unyank acme-core 1.2.0 --packages /srv/packages"),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version")
@on_packages
@click.pass_obj
def unyank_command(invocation: Invocation, project: str, version: str) -> None:
    """Take back the yank of a release."""
    from pypitool.facts import local_actor
    from pypitool.releases import unyank

    with opened_fresh(invocation) as repository:
        change = unyank(repository, project, version, local_actor())
    tell_change(invocation, "unyanked", change)
