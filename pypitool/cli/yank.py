"""`pypitool yank`: take a release out of the choice of installers."""

from __future__ import annotations

import click

from pypitool.cli.afar import managed_projects, on_server
from pypitool.cli.command import command, option
from pypitool.cli.deciding import tell_change
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, project_names


@command(
    "yank",
    examples=(
        "pypitool yank acme-core 1.2.0",
        'pypitool yank acme-core 1.2.0 --reason "breaks on Python 3.13"',
    ),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version")
@option("--reason", metavar="TEXT", default="", help="Tell people why; installers print it.")
@on_packages
@on_server
@click.pass_obj
def yank_command(invocation: Invocation, project: str, version: str, reason: str) -> None:
    """Yank a release: only who pins it exactly still gets it (PEP 592).

    A release that is yanked already gets the new reason.
    """
    with managed_projects(invocation) as projects:
        document = projects.yank(project, version, reason)
    tell_change(invocation, "yanked", document)
