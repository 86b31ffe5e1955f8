"""Pages of the Simple API as JSON (PEP 691, and what PEPs 700, 714, 740 and 792 add)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pypitool.core.model import HeldFile, Project
from pypitool.core.simple_page import API_VERSION, advertised_metadata, encodable, page_of

Href = Callable[[HeldFile], str]


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


def names_json(names: Iterable[str], last_serial: int | None = None) -> bytes:
    """Render the list of projects."""
    return _encoded({"meta": _meta(last_serial), "projects": [{"name": name} for name in names]})


def _meta(serial: int | None) -> dict[str, Any]:
    # PEP 700: "Keys (at any level) with a leading underscore are reserved as private for index server use";
    # mirrors read this one.
    private = {} if serial is None else {"_last-serial": serial}
    return {**private, "api-version": API_VERSION}


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
