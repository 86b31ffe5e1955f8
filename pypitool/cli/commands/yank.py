"""`pypitool yank`, `unyank` and `status`: what people decide about releases and projects that stay."""

from __future__ import annotations

from typing import Any

import click

from pypitool.cli.command import command, option
from pypitool.cli.completing import project_names, versions
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.remote import managed_projects, on_server

# As in core.model.ProjectStatus, which would cost the help of every command an import; a test compares.
STATUSES = ("active", "archived", "quarantined", "deprecated")


@command(
    "yank",
    examples=(
        "pypitool yank acme-core 1.2.0",
        'pypitool yank acme-core 1.2.0 --reason "breaks on Python 3.13"',
    ),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version", shell_complete=versions)
@option("--reason", metavar="TEXT", default="", help="Tell people why; installers print it.")
@on_packages
@on_server
@click.pass_obj
def yank_command(invocation: Invocation, project: str, version: str, reason: str) -> None:
    """Yank a release: only who pins it exactly still gets it (PEP 592).

    A release that is yanked already gets the new reason.
    """
    from pypitool.manage.projects import Projects

    with managed_projects(invocation) as there:
        document = there.run(Projects.yank, project, version, reason).document
    _tell(invocation, "yanked", document)


@command(
    "unyank",
    examples=("pypitool unyank acme-core 1.2.0", "pypitool unyank acme-core 1.2.0 --packages /srv/packages"),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version", shell_complete=versions)
@on_packages
@on_server
@click.pass_obj
def unyank_command(invocation: Invocation, project: str, version: str) -> None:
    """Take back the yank of a release."""
    from pypitool.manage.projects import Projects

    with managed_projects(invocation) as there:
        document = there.run(Projects.unyank, project, version).document
    _tell(invocation, "unyanked", document)


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
    from pypitool.manage.projects import Projects

    with managed_projects(invocation) as there:
        reply = there.run(Projects.set_status, project, status, reason)
    document = reply.document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    else:
        already = " already" if reply.outcome == "unchanged" else ""
        output.done(f"{document['project']} is {document['status']}{already}")


def _tell(invocation: Invocation, word: str, document: dict[str, Any]) -> None:
    """Print what was decided for which files, and for which it had been before."""
    output = Output(invocation)
    if invocation.json:
        output.document(document)
        return
    for filename in document["changed"]:
        output.done(f"{word} {filename}")
    for filename in document["unchanged"]:
        output.done(f"{word} already: {filename}")
