"""`pypitool unyank`: give a release back to the choice of installers."""

from __future__ import annotations

import click

from pypitool.cli.afar import managed_projects, on_server
from pypitool.cli.command import command
from pypitool.cli.deciding import tell_change
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, project_names


@command(
    "unyank",
    examples=("pypitool unyank acme-core 1.2.0", "pypitool unyank acme-core 1.2.0 --packages /srv/packages"),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version")
@on_packages
@on_server
@click.pass_obj
def unyank_command(invocation: Invocation, project: str, version: str) -> None:
    """Take back the yank of a release."""
    with managed_projects(invocation) as projects:
        document = projects.unyank(project, version)
    tell_change(invocation, "unyanked", document)
