"""The record of decisions in a state directory that is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.auditing import audit_lines
from pypitool.catalogue.catalogue import Reader
from pypitool.catalogue.facts import Skipped
from pypitool.core.audit_query import AuditQuery, who_named
from pypitool.core.documents import by_release, spelling_of
from pypitool.core.names import normalize
from pypitool.downloads import DownloadRecord, NoDownloadLog
from pypitool.managing import Document
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
