"""Choices as JSON: they are remembered between runs."""

from __future__ import annotations

import json
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.sync_plan import Miss, ProjectChoice, WantedFile
from pypitool.core.model import FileKind


def dump_choice(choice: ProjectChoice) -> str | None:
    """Write a choice; None for one with misses, which is worth a fresh look each time."""
    if choice.misses:
        return None
    entries = [[_dump(file.candidate), list(file.targets), sorted(file.hashes)] for file in choice.files]
    return json.dumps(entries, separators=(",", ":"))


def load_choice(text: str) -> ProjectChoice:
    """Read what `dump_choice` wrote."""
    misses: tuple[Miss, ...] = ()
    files = (
        WantedFile(_load(candidate), tuple(targets), frozenset(hashes))
        for candidate, targets, hashes in json.loads(text)
    )
    return ProjectChoice(tuple(files), misses)


def _dump(candidate: Candidate) -> list[Any]:
    return [
        candidate.filename,
        candidate.project,
        str(candidate.version),
        candidate.kind.value,
        candidate.url,
        sorted(candidate.hashes),
        candidate.size,
        candidate.requires_python,
        candidate.yanked,
        candidate.upload_time,
        candidate.metadata_sha256,
    ]


def _load(entry: list[Any]) -> Candidate:
    filename, project, version, kind, url, hashes, size, requires_python, yanked, uploaded, metadata = entry
    is_wheel = kind == FileKind.WHEEL.value
    _, _, build, tags = parse_wheel_filename(filename) if is_wheel else ("", "", (), frozenset())
    return Candidate(
        filename=filename,
        project=canonicalize_name(project),
        version=Version(version),
        kind=FileKind(kind),
        tags=tags,
        build=build,
        url=url,
        hashes=frozenset(hashes),
        size=size,
        requires_python=requires_python,
        yanked=yanked,
        upload_time=uploaded,
        metadata_sha256=metadata,
    )
