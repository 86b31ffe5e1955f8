"""`pypitool list`: what is held."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import find_project, on_packages, opened_fresh, project_names
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.repository import Repository


@command(
    "list",
    examples=("pypitool list --packages /srv/packages", "pypitool list acme-core --json"),
    exits={5: "there is no such project"},
)
@click.argument("project", required=False, shell_complete=project_names)
@on_packages
@click.pass_obj
def list_command(invocation: Invocation, project: str | None) -> None:
    """List the projects that are held, or the files of one.

    In a pipe there is one line for each, with tabs: name, latest version, releases, files; or file name,
    size, upload time, yanked.
    """
    with opened_fresh(invocation) as repository:
        if project is None:
            _list_projects(repository, Output(invocation))
        else:
            _list_files(repository, project, Output(invocation))


def _list_projects(repository: Repository, output: Output) -> None:
    rows = _summaries(repository)
    if output.invocation.json:
        output.document({"projects": rows})
        return
    output.table(
        ("Project", "Latest", "Releases", "Files"),
        [(row["name"], row["latest"] or "", str(row["releases"]), str(row["files"])) for row in rows],
    )


def _summaries(repository: Repository) -> list[dict[str, Any]]:
    from pypitool.core.documents import summary_document
    from pypitool.core.model import HeldFile, offered

    def project_of(file: HeldFile) -> str:
        return file.project

    held: Iterable[HeldFile] = sorted(repository.catalogue.files(), key=project_of)
    return [summary_document(files[0].project, offered(files)) for files in _grouped(held)]


def _grouped(files: Iterable[Any]) -> Iterable[list[Any]]:
    return (list(members) for _, members in groupby(files, key=lambda file: file.project))


def _list_files(repository: Repository, name: str, output: Output) -> None:
    from pypitool.core.documents import project_document
    from pypitool.core.quantities import short_size

    document = project_document(find_project(repository, name))
    if output.invocation.json:
        output.document(document)
        return
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
