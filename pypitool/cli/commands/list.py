"""`pypitool list`: what is held."""

from __future__ import annotations

from typing import Any

import click

from pypitool.cli.command import command
from pypitool.cli.completing import project_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.remote import managed_projects, on_server
from pypitool.core.text import short_size


@command(
    "list",
    examples=("pypitool list --packages /srv/packages", "pypitool list acme-core --json"),
    exits={5: "there is no such project"},
)
@click.argument("project", required=False, shell_complete=project_names)
@on_packages
@on_server
@click.pass_obj
def list_command(invocation: Invocation, project: str | None) -> None:
    """List the projects that are held, or the files of one.

    In a pipe there is one line for each, with tabs: name, latest version, releases, files; or file name,
    size, upload time, yanked.
    """
    from pypitool.manage.projects import Projects

    with managed_projects(invocation, looks=True) as there:
        reply = there.run(Projects.listed) if project is None else there.run(Projects.project, project)
    document = reply.document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    elif project is None:
        _show_projects(document, output)
    else:
        _show_files(document, output)


def _show_projects(document: dict[str, Any], output: Output) -> None:
    output.table(
        ("Project", "Latest", "Releases", "Files"),
        [
            (row["name"], row["latest"] or "", str(row["releases"]), str(row["files"]))
            for row in document["projects"]
        ],
        nothing="there are no projects",
    )


def _show_files(document: dict[str, Any], output: Output) -> None:
    files = [file for release in document["releases"] for file in release["files"]]
    output.table(
        ("File", "Size", "Uploaded", "Yanked"),
        [
            (file["filename"], short_size(file["bytes"]), file["uploaded"][:19], yanked_words(file["yanked"]))
            for file in files
        ],
    )


def yanked_words(yanked: bool | str) -> str:
    """Return what a table shows of a yank."""
    return yanked if isinstance(yanked, str) else ("yes" if yanked else "")
