"""Files and projects as values, for tests that need no disk."""

from __future__ import annotations

from dataclasses import replace

from pypitool.core.filenames import parse
from pypitool.core.model import (
    Contents,
    Digests,
    FileStat,
    HeldFile,
    Location,
    Project,
    ProjectStatus,
)
from pypitool.core.names import normalize


def held(
    filename: str,
    *,
    requires_python: str | None = None,
    metadata: str | None = None,
    yanked: str | None = None,
    signed: bool = False,
    provenance: str | None = None,
) -> HeldFile:
    """Describe a file of 1234 bytes whose digests are easy to recognise."""
    distribution = parse(filename)
    digests = Digests(sha256="a" * 64, blake2b="b" * 64, md5="c" * 32)
    return HeldFile(
        location=Location(0, f"sub/{filename}"),
        project=distribution.project,
        version=distribution.version,
        kind=distribution.kind,
        release_key=distribution.release_key,
        stat=FileStat(1234, 1, 2, 3),
        contents=Contents(digests, requires_python, metadata),
        upload_time="2026-01-02T03:04:05.000006Z",
        yanked=yanked,
        signed=signed,
        provenance=provenance,
    )


def project_of(
    *files: HeldFile, status: ProjectStatus = ProjectStatus.ACTIVE, reason: str | None = None
) -> Project:
    """Describe the project that has these files."""
    project = Project(files[0].project if files else normalize("foo"), 7, files)
    return replace(project, status=status, status_reason=reason)


def href(file: HeldFile) -> str:
    """Give a file's address as the server does."""
    return f"../../packages/{file.location.path}"
