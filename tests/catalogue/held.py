"""Files as a scan or an upload would describe them, without a directory."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.catalogue.catalogue import Pending
from pypitool.core.model import (
    COPIED_IN,
    Contents,
    Digests,
    FileKind,
    FileStat,
    HeldFile,
    Location,
    Origin,
    OriginKind,
)

DEPLOY = Origin(OriginKind.UPLOADED, "user:deploy")
UPLOADED_AT = "2026-03-04T05:06:07.000008Z"
# 2023-11-14, 22:13:20
MTIME_NS = 1_700_000_000_123_456_789
COPIED_AT = "2023-11-14T22:13:20.123456Z"

# What takes out of a catalogue of today the columns that older ones do not have; tables may stay.
WITHOUT_LATER = "; ALTER TABLE file DROP COLUMN misnamed; ALTER TABLE pending DROP COLUMN misnamed"


def name(text: str) -> NormalizedName:
    """Normalise a project's name."""
    return canonicalize_name(text)


def digest(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def wheel(
    project: str,
    version: str = "1.0",
    *,
    root: int = 0,
    folder: str = "",
    contents: str = "",
    metadata: str | None = None,
) -> HeldFile:
    """Describe a wheel that was copied in; other `contents`, other bytes."""
    filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
    text = filename + contents
    return HeldFile(
        location=Location(root, "/".join(filter(None, (folder, filename)))),
        project=name(project),
        version=version,
        kind=FileKind.WHEEL,
        release_key=f"{name(project)} {version} wheel py3-none-any",
        stat=FileStat(len(text), MTIME_NS, 2, 3),
        contents=Contents(
            Digests(digest(text), digest("b" + text), digest("m" + text)[:32]),
            ">=3.10",
            None if metadata is None else digest(metadata),
        ),
        upload_time=COPIED_AT,
        origin=COPIED_IN,
    )


def uploaded(file: HeldFile) -> HeldFile:
    """Describe the same file as an upload by `user:deploy`."""
    return replace(file, origin=DEPLOY, upload_time=UPLOADED_AT)


def pending(file: HeldFile) -> Pending:
    """Describe the beginning of its publishing."""
    return Pending(file, f".pypitool/incoming/{file.filename}.1")
