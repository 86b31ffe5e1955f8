"""Which mirrored files no set wants any more; when in doubt a file stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from packaging.utils import NormalizedName
from packaging.version import Version


@dataclass(frozen=True, slots=True)
class MirroredFile:
    """A file that came from an upstream, and what sets have had to do with it."""

    filename: str
    project: NormalizedName
    version: Version
    wanted_now: bool
    last_wanted: datetime | None  # by any set; None: only `download` ever asked for it
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class PruneRules:
    """What stays although no set wants it."""

    older_than: timedelta = timedelta()
    keep: int = 0  # the newest versions of each project


Pinned = Mapping[NormalizedName, Collection[Version]]


def choose_prunable(
    files: Iterable[MirroredFile], rules: PruneRules, now: datetime, pinned: Pinned | None = None
) -> tuple[MirroredFile, ...]:
    """Return the files that may go, in order of project, version and name.

    `pinned` are the versions that sets name, also those of which there is no file yet.
    """
    by_project: dict[NormalizedName, list[MirroredFile]] = defaultdict(list)
    for file in files:
        by_project[file.project].append(file)
    named = pinned or {}
    prunable = (
        file
        for project, held in by_project.items()
        for file in _of_project(held, named.get(project, ()), rules, now)
    )
    return tuple(sorted(prunable, key=lambda file: (file.project, file.version, file.filename)))


def _of_project(
    held: list[MirroredFile], pinned: Collection[Version], rules: PruneRules, now: datetime
) -> list[MirroredFile]:
    wanted = [*pinned, *(file.version for file in held if file.wanted_now)]
    newest = set(sorted({file.version for file in held}, reverse=True)[: rules.keep])
    return [
        file
        for file in held
        if not file.wanted_now
        and file.last_wanted is not None
        and now - file.last_wanted >= rules.older_than
        and file.version not in newest
        # Newer than all that sets want: somebody is about to move there.
        and not (wanted and file.version > max(wanted))
    ]
