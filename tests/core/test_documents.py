from __future__ import annotations

from packaging.utils import canonicalize_name

from pypitool.core.documents import (
    project_document,
    release_document,
    summary_document,
)
from pypitool.core.metadata import CoreMetadata
from pypitool.core.model import (
    Contents,
    Digests,
    FileKind,
    FileStat,
    HeldFile,
    Location,
    Origin,
    OriginKind,
    Project,
    ProjectStatus,
)

ACME = canonicalize_name("acme")


def held(filename: str, version: str, *, yanked: str | None = None, size: int = 10, day: int = 1) -> HeldFile:
    return HeldFile(
        location=Location(0, f"sub/{filename}"),
        project=ACME,
        version=version,
        kind=FileKind.SDIST,
        release_key=filename,
        stat=FileStat(size, 0, 0, 0),
        contents=Contents(Digests("a" * 64, "b" * 64, "c" * 32), ">=3.9"),
        upload_time=f"2026-01-{day:02}T00:00:00.000000Z",
        origin=Origin(OriginKind.UPLOADED, "user:ann"),
        yanked=yanked,
    )


def test_a_summary_counts_releases_and_not_spellings() -> None:
    files = [
        held("acme-1.0.tar.gz", "1.0", day=1),
        held("acme-1.0.0.zip", "1.0.0", day=3),
        held("acme-2.0b1.tar.gz", "2.0b1", day=2),
    ]

    assert summary_document(ACME, files) == {
        "name": "acme",
        "latest": "1.0.0",
        "releases": 2,
        "files": 3,
        "bytes": 30,
        "uploaded": "2026-01-03T00:00:00.000000Z",
    }


def test_releases_come_newest_first_with_their_files() -> None:
    project = Project(
        name=ACME,
        serial=7,
        files=(held("acme-1.9.tar.gz", "1.9"), held("acme-1.10.tar.gz", "1.10", yanked="broken")),
        status=ProjectStatus.ARCHIVED,
        status_reason="moved",
    )

    document = project_document(project)

    releases = document.pop("releases")
    assert document == {
        "project": "acme",
        "status": "archived",
        "reason": "moved",
        "serial": 7,
        "latest": "1.9",
    }
    assert [(release["version"], release["yanked"]) for release in releases] == [
        ("1.10", True),
        ("1.9", False),
    ]
    assert releases[0]["files"] == [
        {
            "filename": "acme-1.10.tar.gz",
            "path": "sub/acme-1.10.tar.gz",
            "type": "sdist",
            "bytes": 10,
            "sha256": "a" * 64,
            "requires_python": ">=3.9",
            "uploaded": "2026-01-01T00:00:00.000000Z",
            "origin": {"kind": "uploaded", "detail": "user:ann"},
            "yanked": "broken",
            "signed": False,
        }
    ]


def test_a_yank_without_a_reason_is_true() -> None:
    document = project_document(Project(ACME, 1, (held("acme-1.tar.gz", "1", yanked=""),)))

    assert document["releases"][0]["files"][0]["yanked"] is True
    assert document["latest"] == "1"


def test_a_release_is_found_by_any_spelling_of_its_version() -> None:
    project = Project(ACME, 1, (held("acme-1.0.tar.gz", "1.0"),))

    document = release_document(project, "v1", CoreMetadata("Acme", "1.0", summary="What it is"))

    assert document is not None
    assert (document["project"], document["version"]) == ("acme", "1.0")
    assert document["metadata"]["summary"] == "What it is"
    assert document["metadata"]["requires_dist"] == []


def test_a_release_that_is_not_held_is_none() -> None:
    assert release_document(Project(ACME, 1, (held("acme-1.0.tar.gz", "1.0"),)), "2.0", None) is None


def test_an_empty_project_has_no_latest_release() -> None:
    assert summary_document(ACME, [])["latest"] is None
    assert project_document(Project(ACME, 1))["releases"] == []
