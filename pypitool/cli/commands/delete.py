"""`pypitool delete`: remove a file, a release or a project."""

from __future__ import annotations

from typing import Any

import click

from pypitool.cli.command import command, option
from pypitool.cli.completing import project_names, versions
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.prompt import agree
from pypitool.cli.remote import managed_projects, on_server
from pypitool.core.errors import Kind, PypitoolError


class NotAgreed(PypitoolError):
    """Nobody said yes, and nobody could be asked."""

    kind = Kind.USAGE
    sentence = "nothing is deleted without being asked for"
    hint = "without a terminal, say `--yes`; `--dry-run` shows the plan"


class OnlyName(PypitoolError):
    """Something besides a name is to be given up with it."""

    kind = Kind.USAGE
    sentence = "`--give-up-name` takes the name of a project and nothing else"


class Declined(PypitoolError):
    """Somebody was asked and said no."""

    kind = Kind.INVALID
    sentence = "nothing was deleted"


@command(
    "delete",
    examples=(
        "pypitool delete acme-core 1.1.0",
        "pypitool delete acme-core --file acme_core-1.1.0.tar.gz --yes",
        "pypitool delete acme-old --give-up-name",
    ),
    exits={
        1: "failed, or the answer was no",
        2: "wrong usage, or nobody could be asked",
        5: "there is no such project, release or file",
        6: "the project has changed since the plan was shown, or the name is not free yet",
    },
)
@click.argument("project", shell_complete=project_names)
@click.argument("version", required=False, shell_complete=versions)
@option("--file", "filename", metavar="NAME", help="Delete only this file.")
@option(
    "--give-up-name",
    is_flag=True,
    help="Let the name of a project that is gone be anybody's: it is looked for elsewhere again.",
)
@option("-n", "--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@option("-y", "--yes", is_flag=True, help="Do not ask.")
@on_packages
@on_server
@click.pass_obj
def delete_command(
    invocation: Invocation,
    project: str,
    version: str | None,
    filename: str | None,
    give_up_name: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete a project, a release of it, or one file.

    The files are removed from the directories with their signatures. The plan is shown first, and on a
    terminal you are asked. The name stays: what was uploaded here once is never looked for elsewhere, until
    its name is given up.
    """
    from pypitool.manage.projects import Projects

    if give_up_name:
        if version is not None or filename is not None or dry_run:
            raise OnlyName
        _give_up(invocation, project)
        return
    with managed_projects(invocation, looks=dry_run) as there:
        document = there.run(Projects.delete, project, version, filename, dry_run=True).document
        if not invocation.json:
            for name in document["deleted"]:
                Output(invocation).line(f"delete {name}")
        if not dry_run:
            if not yes:
                agree(f"Delete {_files(document)}?", nobody=NotAgreed(), no=Declined())
            serial = document["serial"]
            document = there.run(Projects.delete, project, version, filename, serial=serial).document
    if invocation.json:
        Output(invocation).document(document)
    elif not dry_run:
        Output(invocation).done(f"deleted {_files(document)}")


def _give_up(invocation: Invocation, project: str) -> None:
    from pypitool.manage.projects import Projects

    with managed_projects(invocation) as there:
        document = there.run(Projects.give_up_name, project).document
    if invocation.json:
        Output(invocation).document(document)
    else:
        Output(invocation).done(f"{document['project']} may be looked for elsewhere from now on")


def _files(plan: dict[str, Any]) -> str:
    number = len(plan["deleted"])
    return f"{number} file{'s' * (number != 1)} of {plan['project']}"
