"""`pypitool owner`: who owns a project, whatever the rules say."""

from __future__ import annotations

import click

from pypitool.cli.command import command, option
from pypitool.cli.completing import project_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.remote import Local, managed_projects, on_server


@command(
    "owner",
    examples=(
        "pypitool owner acme-core",
        "pypitool owner acme-core --add ann --add token:ci-acme --remove bob",
    ),
    exits={5: "there is no such project, and nobody owns the name"},
)
@click.argument("project", shell_complete=project_names)
@option("--add", metavar="WHO", multiple=True, help="NAME, token:NAME or publisher:NAME. May be repeated.")
@option("--remove", metavar="WHO", multiple=True, help="Who shall own it no longer. May be repeated.")
@on_packages
@on_server
@click.pass_obj
def owner_command(
    invocation: Invocation, project: str, add: tuple[str, ...], remove: tuple[str, ...]
) -> None:
    """Show or change who owns a project.

    An owner may list, download, upload, yank and delete there, whatever the rules say. A name may have an
    owner before it has a file: it is then no longer new. A running server counts it from the next request on.
    """
    from pypitool.manage.projects import Projects

    with managed_projects(invocation, looks=not (add or remove)) as there:
        if not (add or remove):
            reply = there.run(Projects.owners, project)
        elif isinstance(there, Local):
            reply = there.subject.change_owners(project, add, remove)
        else:
            from pypitool.manage.client import change_owners

            reply = change_owners(there, project, add, remove)
    document = reply.document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    elif add or remove:
        output.done(f"{document['project']} is owned by {', '.join(document['owners']) or 'nobody'}")
    else:
        for who in document["owners"]:
            output.line(who)
