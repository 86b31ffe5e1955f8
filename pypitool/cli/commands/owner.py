"""`pypitool owner`: who owns a project, whatever the rules say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened_fresh, project_names
from pypitool.cli.output import Output
from pypitool.cli.remote_options import managed, on_server

if TYPE_CHECKING:
    from pypitool.manage.seam import Owners


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
    with _owners(invocation) as owners:
        document = owners.change(project, add, remove) if add or remove else owners.of(project)
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    elif add or remove:
        output.done(f"{document['project']} is owned by {', '.join(document['owners']) or 'nobody'}")
    else:
        for who in document["owners"]:
            output.line(who)


def _owners(invocation: Invocation) -> AbstractContextManager[Owners]:
    @contextmanager
    def here() -> Iterator[Owners]:
        from pypitool.catalogue.facts import local_actor
        from pypitool.manage.here import OwnersHere

        with opened_fresh(invocation) as repository:
            yield OwnersHere(repository, local_actor())

    return managed(invocation, here, lambda afar, remote: afar.OwnersAfar(remote))
