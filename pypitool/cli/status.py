"""`pypitool status`: in what state a project is."""

from __future__ import annotations

import click

from pypitool.cli.afar import managed_projects, on_server
from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, project_names
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
@on_server
@click.pass_obj
def status_command(invocation: Invocation, project: str, status: str, reason: str) -> None:
    """Set the status of a project (PEP 792).

    A quarantined project offers no files, and takes no uploads, until it is active again; an archived
    one takes no uploads. Clients and people are told. A status stays when the files are deleted.
    """
    with managed_projects(invocation) as projects:
        document, is_new = projects.set_status(project, status, reason)
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    else:
        output.done(f"{document['project']} is {document['status']}{'' if is_new else ' already'}")
