"""`pypitool owner`: who owns a project, whatever the rules say."""

from __future__ import annotations

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import find_project, on_packages, opened_fresh, project_names
from pypitool.cli.output import Output


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
@click.pass_obj
def owner_command(
    invocation: Invocation, project: str, add: tuple[str, ...], remove: tuple[str, ...]
) -> None:
    """Show or change who owns a project.

    An owner may list, download, upload, yank and delete there, whatever the rules say. A name may have an
    owner before it has a file: it is then no longer new. A running server counts it from the next request on.
    """
    from pypitool.core.names import normalize
    from pypitool.facts import local_actor
    from pypitool.project_owners import change_owners, owner_named

    name, more, fewer = normalize(project), [*map(owner_named, add)], [*map(owner_named, remove)]
    with opened_fresh(invocation) as repository:
        owners = repository.catalogue.owners(name)
        if not owners and not add:
            find_project(repository, project)
        if add or remove:
            owners = change_owners(repository, name, add=more, remove=fewer, actor=local_actor()).owners
    output = Output(invocation)
    if invocation.json:
        output.document({"project": name, "owners": list(owners)})
    elif add or remove:
        output.done(f"{name} is owned by {', '.join(owners) or 'nobody'}")
    else:
        for who in owners:
            output.line(who)
