"""What both forms of a project's page show, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from pypitool.core.model import FileKind, HeldFile, Project, ProjectStatus
from pypitool.core.versions import sort_keys

API_VERSION = "1.4"


@dataclass(frozen=True, slots=True)
class Page:
    """The files and versions that a project's page shows, in order."""

    files: tuple[HeldFile, ...]
    versions: tuple[str, ...]


def page_of(project: Project) -> Page:
    """Order a project's files by version and name; a quarantined project offers none."""
    keys = sort_keys(file.version for file in project.files)
    versions = tuple(sorted(keys, key=keys.__getitem__))
    # PEP 792: a quarantined project "is considered generally unsafe for use", and no file of it is offered.
    if project.status is ProjectStatus.QUARANTINED:
        return Page((), versions)
    files = sorted(project.files, key=lambda file: (keys[file.version], file.filename))
    return Page(tuple(files), versions)


def advertised_metadata(file: HeldFile) -> str | None:
    """Return the sha256 of the `.metadata` beside a file; PEP 658 is for wheels."""
    # An sdist's PKG-INFO may differ from what building it gives (PEP 643, `Dynamic`).
    return file.contents.metadata_sha256 if file.kind is FileKind.WHEEL else None


def encodable(text: str) -> str:
    """Return a text that UTF-8 can carry: reasons come from command lines in any encoding."""
    return text.encode("utf-8", "replace").decode()
