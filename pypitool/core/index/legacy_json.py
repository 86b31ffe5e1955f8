"""The legacy JSON of a project or a release, as the public PyPI answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pypitool.core.documents import by_release, is_yanked, latest_of, metadata_digests, spelling_of
from pypitool.core.filenames import parse
from pypitool.core.index.simple_pages import advertised_metadata, encodable
from pypitool.core.metadata import CoreMetadata
from pypitool.core.model import HeldFile, Project, ProjectStatus

Document = dict[str, Any]


def legacy_document(
    project: Project,
    metadata: Callable[[str], CoreMetadata | None],
    url_of: Callable[[HeldFile], str],
    version: str | None = None,
    project_url: str | None = None,
) -> Document:
    """Describe one release, by default the latest, and without `version` every other one too.

    `metadata` finds what was read under a digest; `url_of` gives a file's full address.
    """
    grouped = by_release(project.files)
    asked = latest_of(grouped) if version is None else spelling_of(version, grouped)
    chosen = asked or version or ""
    of_release = grouped.get(chosen, [])
    said = next((found for digest in metadata_digests(of_release) if (found := metadata(digest))), None)
    # PEP 792: of a quarantined project no file is offered.
    shown = {} if project.status is ProjectStatus.QUARANTINED else grouped
    document: Document = {
        "info": _info(project, chosen, of_release, said, project_url),
        "last_serial": project.serial,
        "ownership": {"organization": None, "roles": []},
        "urls": _files(shown.get(chosen, []), url_of),
        "vulnerabilities": [],
    }
    if version is None:
        document["releases"] = {known: _files(shown.get(known, []), url_of) for known in reversed(grouped)}
    return document


def _files(files: Iterable[HeldFile], url_of: Callable[[HeldFile], str]) -> list[Document]:
    return [_file(file, url_of(file)) for file in files]


def _info(
    project: Project,
    version: str,
    files: Sequence[HeldFile],
    metadata: CoreMetadata | None,
    project_url: str | None,
) -> Document:
    said = metadata or CoreMetadata(project.name, version)
    yanked = bool(files) and is_yanked(files)
    return {
        **_described(said),
        "name": said.name,
        "version": version,
        "requires_python": next(
            (f.contents.requires_python for f in files if f.contents.requires_python), None
        ),
        "package_url": project_url,
        "project_url": project_url,
        "release_url": project_url,
        "docs_url": None,
        "bugtrack_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "yanked": yanked,
        "yanked_reason": (encodable(files[0].yanked or "") or None) if yanked else None,
    }


def _described(said: CoreMetadata) -> Document:
    return {
        "author": said.author,
        "author_email": said.author_email,
        "classifiers": list(said.classifiers),
        "description": said.description or "",
        "description_content_type": said.description_content_type,
        "download_url": said.download_url,
        "dynamic": list(said.dynamic) or None,
        "home_page": said.home_page,
        "keywords": said.keywords,
        "license": said.license,
        "license_expression": said.license_expression,
        "license_files": list(said.license_files) or None,
        "maintainer": said.maintainer,
        "maintainer_email": said.maintainer_email,
        "platform": next(iter(said.platforms), None),
        "project_urls": _project_urls(said) or None,
        "provides_extra": list(said.provides_extra) or None,
        "requires_dist": list(said.requires_dist) or None,
        "summary": said.summary or "",
    }


def _project_urls(said: CoreMetadata) -> dict[str, str]:
    pairs = (url.partition(",") for url in said.project_urls)
    return {label.strip(): url.strip() for label, _, url in pairs}


def _file(file: HeldFile, url: str) -> Document:
    distribution = parse(file.filename)
    digests = file.contents.digests
    metadata = advertised_metadata(file)
    return {
        "comment_text": "",
        "core-metadata": {"sha256": metadata} if metadata else False,
        "digests": {"blake2b_256": digests.blake2b, "md5": digests.md5, "sha256": digests.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": file.signed,
        "md5_digest": digests.md5,
        "packagetype": distribution.package_type,
        "python_version": distribution.python_tag,
        "requires_python": file.contents.requires_python,
        "size": file.stat.size,
        "upload_time": file.upload_time.partition(".")[0].rstrip("Z"),
        "upload_time_iso_8601": file.upload_time,
        "url": url,
        "yanked": file.yanked is not None,
        "yanked_reason": encodable(file.yanked) if file.yanked else None,
    }
