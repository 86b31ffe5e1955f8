"""The pages of the upstream: JSON as the public index writes it, and HTML of a plain one."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench.sync.offerings import Listed

UPLOADED = "2026-01-02T03:04:05.678900Z"


def json_page(project: str, files: Sequence[Listed]) -> bytes:
    """Write a page of the Simple API in JSON, with everything that it can say."""
    document = {
        "meta": {"api-version": "1.4", "_last-serial": 1},
        "name": project,
        "project-status": {"status": "active"},
        "versions": sorted({file.version for file in files}),
        "files": [_json_file(file) for file in files],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def html_page(project: str, files: Sequence[Listed]) -> bytes:
    """Write a page in HTML: names, hashes, and what Python they want."""
    links = "\n".join(
        f'<a href="/packages/{file.filename}#sha256={file.sha256}" data-requires-python="&gt;=3.8">'
        f"{file.filename}</a><br/>"
        for file in files
    )
    head = '<meta name="pypi:repository-version" content="1.1"><title>Links</title>'
    return f"<!DOCTYPE html><html><head>{head}</head><body><h1>{project}</h1>{links}</body></html>".encode()


def legacy_document(project: str, files: Sequence[Listed], root: str) -> bytes:
    """Write the legacy JSON of a project, which bandersnatch reads."""
    releases: dict[str, list[dict[str, object]]] = {}
    for file in files:
        releases.setdefault(file.version, []).append(_legacy_file(file, root))
    info = {"name": project, "version": files[-1].version}
    return json.dumps({"info": info, "last_serial": 1, "releases": releases, "urls": []}).encode()


def _json_file(file: Listed) -> dict[str, object]:
    metadata = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    return {
        "filename": file.filename,
        "url": f"/packages/{file.filename}",
        "hashes": {"sha256": file.sha256},
        "requires-python": ">=3.8",
        "size": file.size,
        "upload-time": UPLOADED,
        "yanked": False,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "provenance": None,
    }


def _legacy_file(file: Listed, root: str) -> dict[str, object]:
    return {
        "filename": file.filename,
        "url": f"{root}/packages/{file.filename}",
        "digests": {"sha256": file.sha256, "md5": "0" * 32},
        "md5_digest": "0" * 32,
        "size": file.size,
        "packagetype": "bdist_wheel" if file.is_wheel else "sdist",
        "python_version": "py3" if file.is_wheel else "source",
        "requires_python": ">=3.8",
        "upload_time_iso_8601": UPLOADED,
        "upload_time": UPLOADED[:19],
        "yanked": False,
        "yanked_reason": None,
    }
