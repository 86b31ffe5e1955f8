"""The audit record as people read it: who decided what (`facts.jsonl`), and who downloaded what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.catalogue.facts import FactLog, Skipped
from pypitool.core.audit_query import AuditQuery, public_line, time_text, who_named
from pypitool.core.documents import by_release, spelling_of
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import to_document
from pypitool.core.names import normalize
from pypitool.core.state_files import StateFiles
from pypitool.manage.action import Reply
from pypitool.manage.downloads import DownloadRecord
from pypitool.repository.releases import NotHeld


class NoDownloadLog(PypitoolError):
    """Who got what is not recorded, and never was."""

    kind = Kind.CONFIG
    sentence = "there is no download log"
    hint = "`download-log = true` under `[server]` lets the server keep one from then on"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Look at what a state directory has on record; what a crash has left of a line goes to `skipped`."""

    state: Path | None  # None: nothing was decided yet
    skipped: Callable[[Skipped], None]
    logs_downloads: bool
    holds: Callable[[NormalizedName, str], bool]

    def lines(self, since: str | None = None, project: str | None = None, user: str | None = None) -> Reply:
        """Return the decisions that are wanted, oldest first, without what nobody may see."""
        query = AuditQuery(
            None if since is None else time_text(since, datetime.now(timezone.utc)),
            None if project is None else normalize(project),
            None if user is None else who_named(user),
        )
        return Reply(self._decisions(query))

    def downloads(self, name: str, version: str) -> Reply:
        """Return who got the files of a release, oldest first, and at the end since when that is known."""
        record = None if self.state is None else DownloadRecord(self.state)
        since = record and record.since
        if since is None and not self.logs_downloads:
            raise NoDownloadLog
        project = normalize(name)
        found = [] if record is None else list(record.lines(project, version, self.skipped))
        if not found and not self.holds(project, version):
            raise NotHeld(project, version)
        return Reply([*found, {"type": "summary", "since": since, "count": len(found)}])

    def _decisions(self, query: AuditQuery) -> Iterator[dict[str, Any]]:
        if self.state is None:
            return
        for fact in FactLog(StateFiles(self.state).facts).replay(skipped=self.skipped):
            line = to_document(fact)
            if fact.undone is not None:
                line["undone"] = fact.undone
            if query.wants(line):
                yield public_line(line)


def holds(catalogue: Reader, project: NormalizedName, version: str) -> bool:
    """Tell whether a release is held, by any spelling of its version."""
    known = catalogue.project(project)
    return known is not None and spelling_of(version, by_release(known.files)) is not None
