"""`pypitool show`: one project, or one release of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from pypitool.cli.command import command
from pypitool.cli.commands.list import yanked_words
from pypitool.cli.completing import project_names, versions
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.remote import managed_projects, on_server
from pypitool.core.text import short_size


@command(
    "show",
    examples=("pypitool show acme-core", "pypitool show acme-core 1.2.0 --json"),
    exits={5: "there is no such project or release"},
)
@click.argument("project", shell_complete=project_names)
@click.argument("version", required=False, shell_complete=versions)
@on_packages
@on_server
@click.pass_obj
def show_command(invocation: Invocation, project: str, version: str | None) -> None:
    """Show a project and its releases, or one release and its metadata.

    Any spelling of the name and of the version will do.
    """
    from pypitool.manage.projects import Projects

    output = Output(invocation)
    with managed_projects(invocation, looks=True) as there:
        if version is None:
            document = there.run(Projects.project, project).document
        else:
            document = there.run(Projects.release, project, version).document
    if invocation.json:
        output.document(document)
        return
    lines = list(_project_lines(document) if version is None else _release_lines(document))
    width = max(16, *(len(label) + 2 for label, _ in lines))  # `maintainer-email` has sixteen letters
    for label, text in lines:
        output.line(f"{label:<{width}}{text}")


def _project_lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "project", document["project"]
    reason = f" ({document['reason']})" if document["reason"] else ""
    yield "status", f"{document['status']}{reason}"
    yield "latest", document["latest"] or "none"
    for release in document["releases"]:
        yanked = ", yanked" if release["yanked"] else ""
        files = len(release["files"])
        yield release["version"], f"{files} file{'s' * (files != 1)}, {release['uploaded'][:10]}{yanked}"


def _release_lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "project", f"{document['project']} {document['version']}"
    for name, value in (document["metadata"] or {}).items():
        for text in value if isinstance(value, list) else [value]:
            if text:
                yield name.replace("_", "-"), text
    for file in document["files"]:
        yield "file", f"{file['filename']} ({short_size(file['bytes'])})"
        yield "  sha256", file["sha256"]
        yield "  uploaded", f"{file['uploaded'][:19]} {_origin(file['origin'])}".rstrip()
        if file["yanked"]:
            yield "  yanked", yanked_words(file["yanked"])


def _origin(origin: dict[str, str | None]) -> str:
    words = {"uploaded": "by", "mirrored": "from", "copied": ""}[origin["kind"] or "copied"]
    return f"{words} {origin['detail']}" if words and origin["detail"] else f"({origin['kind']})"
