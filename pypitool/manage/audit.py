"""The record of decisions in a state directory that is at hand.

The record of decisions as people read it: `facts.jsonl`, oldest first, without what nobody may see.

The download log as people read it: who got which file, in a file for each day (UTC).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.catalogue.facts import FactLog, Skipped
from pypitool.core.audit_query import AuditQuery, day_of, file_of, is_about, shown, who_named
from pypitool.core.documents import by_release, spelling_of
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import to_document
from pypitool.core.names import normalize
from pypitool.core.state_files import StateFiles
from pypitool.manage.seam import Document
from pypitool.repository.releases import NotHeld


@dataclass(frozen=True, slots=True)
class AuditHere:
    """Look at the record; what a crash has left of a line goes to `skipped`."""

    state: Path | None  # None: nothing was decided yet
    skipped: Callable[[Skipped], None]
    logs_downloads: bool
    holds: Callable[[NormalizedName, str], bool]

    def lines(self, since: str | None, project: str | None, who: str | None) -> Iterator[Document]:
        """Return the lines that are wanted, oldest first; `since` is a moment as the lines have theirs."""
        name = None if project is None else normalize(project)
        query = AuditQuery(since, name, None if who is None else who_named(who))
        if self.state is not None:
            yield from audit_lines(self.state, query, skipped=self.skipped)

    def downloads(self, project: str, version: str) -> list[Document]:
        """Return who got the files of a release, oldest first, and at the end since when that is known."""
        record = None if self.state is None else DownloadRecord(self.state)
        since = record and record.since
        if since is None and not self.logs_downloads:
            raise NoDownloadLog
        name = normalize(project)
        found = [] if record is None else list(record.lines(name, version, self.skipped))
        if not found and not self.holds(name, version):
            raise NotHeld(name, version)
        return [*found, {"type": "summary", "since": since, "count": len(found)}]


def holds(catalogue: Reader, project: NormalizedName, version: str) -> bool:
    """Tell whether a release is held, by any spelling of its version."""
    known = catalogue.project(project)
    return known is not None and spelling_of(version, by_release(known.files)) is not None


Line = dict[str, Any]


def _tell_nobody(_skipped: Skipped) -> None:
    pass


def audit_lines(
    state: Path, query: AuditQuery, *, skipped: Callable[[Skipped], None] = _tell_nobody
) -> Iterator[Line]:
    """Iterate over the lines that are wanted; what a crash has left of one goes to `skipped`."""
    for fact in FactLog(StateFiles(state).facts).replay(skipped=skipped):
        line = to_document(fact)
        if query.wants(line):
            yield shown(line)


class NoDownloadLog(PypitoolError):
    """Who got what is not recorded, and never was."""

    kind: ClassVar[Kind] = Kind.CONFIG
    hint = "`download-log = true` under `[server]` lets the server keep one from then on"

    def __str__(self) -> str:
        return "there is no download log"


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """The days of a state directory."""

    state: Path

    @property
    def directory(self) -> Path:
        """Where they lie."""
        return StateFiles(self.state).downloads

    def sizes(self) -> dict[str, int]:
        """Return the size of each day that is there."""
        found = {}
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                day = day_of(entry.name)
                if day is not None:
                    with suppress(FileNotFoundError):
                        found[day] = entry.stat(follow_symlinks=False).st_size
        return found

    @property
    def since(self) -> str | None:
        """The first day that is there, None for none yet."""
        return min(self.sizes(), default=None)

    def lines(
        self, project: NormalizedName, version: str, skipped: Callable[[Skipped], None]
    ) -> Iterator[Line]:
        """Iterate over the downloads of a release, oldest day first; torn lines go to `skipped`."""
        name = project.encode()
        for day in sorted(self.sizes()):
            path = self.directory / file_of(day)
            with suppress(FileNotFoundError), path.open("rb") as file:
                offset = 0
                for raw in file:
                    # A day may have millions of lines, of which few are about this project.
                    line = _read(path, raw, offset, skipped) if name in raw else None
                    offset += len(raw)
                    if line is not None and is_about(line, project, version):
                        yield line


def _read(path: Path, raw: bytes, offset: int, skipped: Callable[[Skipped], None]) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        torn = "" if raw.endswith(b"\n") else ", cut off in the middle"
        skipped(Skipped(path, offset, f"it is no download{torn}"))
        return None
    return line
