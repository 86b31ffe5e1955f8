"""`pypitool status`: in what state a project is."""

from __future__ import annotations

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened_fresh, project_names
from pypitool.cli.output import Output

# As in core.model.ProjectStatus, which would cost the help of every command an import; a test compares.
STATUSES = ("active", "archived", "quarantined", "deprecated")


@command(
    "status",
    examples=(
        "pypitool status acme-legacy archived",
        'pypitool status acme-core quarantined --reason "looked into by security"',
    ),
    exits={5: "there is no such project"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("status", type=click.Choice(STATUSES), metavar="active|archived|quarantined|deprecated")
@option("--reason", metavar="TEXT", default="", help="Tell people why.")
@on_packages
@click.pass_obj
def status_command(invocation: Invocation, project: str, status: str, reason: str) -> None:
    """Set the status of a project (PEP 792).

    A quarantined project offers no files until it is active again. The others are told to clients and
    people, and change nothing else.
    """
    from pypitool.core.model import ProjectStatus
    from pypitool.facts import local_actor
    from pypitool.releases import set_status

    with opened_fresh(invocation) as repository:
        change = set_status(repository, project, ProjectStatus(status), reason, local_actor())
    output = Output(invocation)
    if invocation.json:
        document = {"project": change.project, "status": change.status.value, "reason": change.reason}
        output.document(document)
    else:
        output.done(f"{change.project} is {change.status.value}{'' if change.changed else ' already'}")
