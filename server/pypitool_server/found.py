"""Search, and what the newest release of a project says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.catalogue import Reader
from pypitool.core.metadata import BadMetadata, CoreMetadata, parse_metadata
from pypitool.core.model import FileKind, HeldFile, Project
from pypitool.core.versions import latest

# Each line reads a project: more than this helps neither people nor `pip search`.
MOST = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One line of an answer."""

    name: NormalizedName
    version: str
    summary: str


def found_projects(catalogue: Reader, terms: Sequence[str]) -> Iterator[Found]:
    """Iterate over the first projects whose normalised name holds one of `terms`."""
    left = MOST
    for name in catalogue.project_names():
        if any(term in name for term in terms):
            project = catalogue.project(name)
            if project is not None:
                yield _line(catalogue, project)
                left -= 1
        if left == 0:
            return


def latest_version(project: Project) -> str:
    """Return the version that people mean; a release is yanked when all of its files are."""
    standing = {file.version for file in project.files if file.yanked is None}
    versions = {file.version for file in project.files}
    return latest(versions, yanked=versions - standing) or ""


def about(catalogue: Reader, files: Sequence[HeldFile]) -> CoreMetadata | None:
    """Return what one of the files of a release says of it; a wheel is asked before an sdist."""
    for file in sorted(files, key=lambda file: file.kind is not FileKind.WHEEL):
        digest = file.contents.metadata_sha256
        body = None if digest is None else catalogue.metadata(digest)
        if body is not None:
            return _read(body)
    return None


def _read(body: bytes) -> CoreMetadata | None:
    try:
        return parse_metadata(body)
    except BadMetadata:
        return None


def _line(catalogue: Reader, project: Project) -> Found:
    version = latest_version(project)
    told = about(catalogue, [file for file in project.files if file.version == version])
    return Found(project.name, version, (told and told.summary) or "")
