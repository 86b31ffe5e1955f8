"""What we hold, as plain JSON values: what `list` and `show` print with `--json`. Fields are promises.

A project's files are shown by release, each with the file that speaks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.metadata import CoreMetadata
from pypitool.core.model import FileKind, HeldFile, Project
from pypitool.core.versions import canonical, latest, sort_key

# What a release says about itself; the description is a page of its own and not a field.
_ABOUT = (
    "summary",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license",
    "license_expression",
    "home_page",
    "keywords",
    "requires_python",
)
_ABOUT_LISTS = ("project_urls", "requires_dist", "provides_extra", "classifiers")


def summary_document(name: NormalizedName, files: Iterable[HeldFile]) -> dict[str, Any]:
    """Return one line of the list of projects."""
    grouped = by_release(files)
    held = [file for members in grouped.values() for file in members]
    return {
        "name": name,
        "latest": latest_of(grouped),
        "releases": len(grouped),
        "files": len(held),
        "bytes": sum(file.stat.size for file in held),
        "uploaded": max((file.upload_time for file in held), default=None),
    }


def project_document(project: Project) -> dict[str, Any]:
    """Return a project with its releases, newest first."""
    grouped = by_release(project.files)
    return {
        "project": project.name,
        "status": project.status.value,
        "reason": project.status_reason,
        "serial": project.serial,
        "latest": latest_of(grouped),
        "releases": [_release(version, files) for version, files in grouped.items()],
    }


def release_document(project: Project, version: str, metadata: CoreMetadata | None) -> dict[str, Any] | None:
    """Return one release with what it says about itself, or None when it is not held."""
    grouped = by_release(project.files)
    spelled = spelling_of(version, grouped)
    if spelled is None:
        return None
    about = None if metadata is None else _about(metadata)
    return {"project": project.name, **_release(spelled, grouped[spelled]), "metadata": about}


def file_document(file: HeldFile) -> dict[str, Any]:
    """Return one file."""
    return {
        "filename": file.filename,
        "path": file.location.path,
        "type": file.kind.value,
        "bytes": file.stat.size,
        "sha256": file.contents.digests.sha256,
        "requires_python": file.contents.requires_python,
        "uploaded": file.upload_time,
        "origin": {"kind": file.origin.kind.value, "detail": file.origin.detail or None},
        # As in the JSON of the simple API (PEP 691): false, true, or the reason.
        "yanked": file.yanked or file.yanked is not None,
        "signed": file.signed,
    }


def _release(version: str, files: list[HeldFile]) -> dict[str, Any]:
    return {
        "version": version,
        "yanked": is_yanked(files),
        "uploaded": min(file.upload_time for file in files),
        "files": [file_document(file) for file in files],
    }


def _about(metadata: CoreMetadata) -> dict[str, Any]:
    texts = {name: getattr(metadata, name) for name in _ABOUT}
    return texts | {name: list(getattr(metadata, name)) for name in _ABOUT_LISTS}


def by_release(files: Iterable[HeldFile]) -> dict[str, list[HeldFile]]:
    """Return the files of each release, newest release first; two spellings of a version are one."""
    held = sorted(files, key=lambda file: file.filename)
    # Parsing is most of the work: each spelling once, however many files bear it.
    same = {version: canonical(version) for version in {file.version for file in held}}
    spelled: dict[str, str] = {}
    grouped: dict[str, list[HeldFile]] = {}
    for file in held:
        version = spelled.setdefault(same[file.version], file.version)
        grouped.setdefault(version, []).append(file)
    return {version: grouped[version] for version in sorted(grouped, key=sort_key, reverse=True)}


def latest_of(grouped: Mapping[str, Iterable[HeldFile]]) -> str | None:
    """Return the version that people mean who name none."""
    return latest(grouped, {version for version, members in grouped.items() if is_yanked(members)})


def spelling_of(version: str, grouped: Iterable[str]) -> str | None:
    """Return a version as the releases that are held spell it: `1.0.0` finds `1.0`."""
    wanted = canonical(version)
    return next((spelled for spelled in grouped if canonical(spelled) == wanted), None)


def is_yanked(files: Iterable[HeldFile]) -> bool:
    """Tell whether every file of a release is yanked."""
    return all(file.yanked is not None for file in files)


def metadata_digests(files: Iterable[HeldFile]) -> list[str]:
    """Return under which digests the metadata of a release is kept; a wheel is asked before an sdist."""
    ordered = sorted(files, key=lambda file: file.kind is not FileKind.WHEEL)
    return [digest for file in ordered if (digest := file.contents.metadata_sha256) is not None]
