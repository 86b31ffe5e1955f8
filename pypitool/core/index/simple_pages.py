"""Pages of the Simple API, as HTML (PEP 503) and as JSON (PEP 691).

They have what PEPs 592, 629, 658, 700, 714, 740 and 792 add.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from pypitool.core.model import FileKind, HeldFile, Project, ProjectList, ProjectStatus
from pypitool.core.versions import sort_keys

API_VERSION = "1.4"
# PEP 700: "Keys (at any level) with a leading underscore are reserved as private for index server use"; it is
# called as on the public PyPI, because mirrors read it.
LAST_SERIAL_KEY = "_last-serial"
Href = Callable[[HeldFile], str]


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """The files and versions that a project's page shows, in order."""

    files: tuple[HeldFile, ...]
    versions: tuple[str, ...]


def page_of(project: Project) -> ProjectPage:
    """Order a project's files by version and name; a quarantined project offers none."""
    keys = sort_keys(file.version for file in project.files)
    versions = tuple(sorted(keys, key=keys.__getitem__))
    # PEP 792: a quarantined project "is considered generally unsafe for use", and no file of it is offered.
    if project.status is ProjectStatus.QUARANTINED:
        return ProjectPage((), versions)
    files = sorted(project.files, key=lambda file: (keys[file.version], file.filename))
    return ProjectPage(tuple(files), versions)


def project_html(project: Project, *, href: Href, hash_algo: str = "sha256") -> bytes:
    """Render a project's page; `href` gives a file's address, to which its digest is added."""
    status = [f'<meta name="pypi:project-status" content="{project.status.value}">']
    if project.status_reason:
        reason = _escaped(project.status_reason)
        status.append(f'<meta name="pypi:project-status-reason" content="{reason}">')
    anchors = (anchor(file, href, hash_algo) for file in page_of(project).files)
    return _document(f"Links for {project.name}", status, anchors)


def list_html(listed: ProjectList) -> bytes:
    """Render the list of projects."""
    anchors = (f'<a href="{_escaped(name)}/">{_escaped(name)}</a><br>' for name in listed.projects)
    return _document("Simple index", [], anchors)


def _document(title: str, meta: Iterable[str], anchors: Iterable[str]) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{API_VERSION}">',
        *meta,
        f"<title>{title}</title>",
        "</head>",
        "<body>",
        f"<h1>{title}</h1>",
        *anchors,
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines).encode()


def anchor(file: HeldFile, href: Href, hash_algo: str) -> str:
    """Render the link to one file, as every list of files has it."""
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in _attributes(file))
    address = escape(href(file) + _fragment(file, hash_algo))
    # PEP 503: "the text of the anchor tag MUST match the final path component (the filename) of the URL".
    return f'<a href="{address}"{attributes}>{escape(file.filename)}</a><br>'


def _fragment(file: HeldFile, hash_algo: str) -> str:
    digest = getattr(file.contents.digests, hash_algo, None)
    return "" if digest is None else f"#{hash_algo}={digest}"


def _attributes(file: HeldFile) -> Iterator[tuple[str, str]]:
    if file.contents.requires_python:
        yield "data-requires-python", file.contents.requires_python
    metadata = advertised_metadata(file)
    if metadata:
        yield "data-core-metadata", f"sha256={metadata}"
        # PEP 714: "To support clients that used the previous key names", and only in HTML.
        yield "data-dist-info-metadata", f"sha256={metadata}"
    if file.yanked is not None:
        # PEP 592: "an arbitrary string that represents the reason", and so also an empty one.
        yield "data-yanked", file.yanked
    if file.signed:
        yield "data-gpg-sig", "true"
    if file.provenance:
        yield "data-provenance", file.provenance


def _escaped(text: str) -> str:
    return escape(encodable(text))


def project_json(project: Project, *, href: Href) -> bytes:
    """Render a project's page; `href` gives a file's address."""
    page = page_of(project)
    status = {"status": project.status.value}
    if project.status_reason:
        status["reason"] = encodable(project.status_reason)
    return _encoded(
        {
            "meta": _meta(project.serial),
            "name": project.name,
            "project-status": status,
            "versions": page.versions,
            "files": [_file(file, href(file)) for file in page.files],
        }
    )


def list_json(listed: ProjectList) -> bytes:
    """Render the list of projects."""
    # bandersnatch passes over a project without a serial, and fetches what is higher than it has.
    projects = [{LAST_SERIAL_KEY: serial, "name": name} for name, serial in listed.projects.items()]
    return _encoded({"meta": _meta(listed.serial), "projects": projects})


def _meta(serial: int) -> dict[str, Any]:
    return {LAST_SERIAL_KEY: serial, "api-version": API_VERSION}


def _file(file: HeldFile, url: str) -> dict[str, Any]:
    contents = file.contents
    found: dict[str, Any] = {
        "filename": file.filename,
        "url": url,
        "hashes": {"sha256": contents.digests.sha256},
    }
    if contents.requires_python:
        found["requires-python"] = contents.requires_python
    found["size"] = file.stat.size
    found["upload-time"] = file.upload_time
    metadata = advertised_metadata(file)
    if metadata:
        # Not under its old name as well: pip 22.3 to 23.1 (so Debian 12) fail at any page that has
        # `dist-info-metadata` (TypeError, tried). PEP 714: "Servers should not emit the old keys in JSON".
        found["core-metadata"] = {"sha256": metadata}
    if file.signed:
        found["gpg-sig"] = True
    # PEP 691: "either a boolean [...] or a non empty, but otherwise arbitrary, string". For null uv gives up
    # the whole project; "" is yanked for uv and not for pip.
    found["yanked"] = file.yanked is not None and (encodable(file.yanked) or True)
    found["provenance"] = file.provenance
    return found


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def advertised_metadata(file: HeldFile) -> str | None:
    """Return the sha256 of the `.metadata` beside a file; PEP 658 is for wheels."""
    # An sdist's PKG-INFO may differ from what building it gives (PEP 643, `Dynamic`).
    return file.contents.metadata_sha256 if file.kind is FileKind.WHEEL else None


def encodable(text: str) -> str:
    """Return a text that UTF-8 can carry: reasons come from command lines in any encoding."""
    return text.encode("utf-8", "replace").decode()
