"""What people decided about filenames, and what of it holds for the files that we have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import FileFact
from pypitool.catalogue.rows import copied_time
from pypitool.core.model import COPIED_IN


def record_arrival(connection: sqlite3.Connection, fact: FileFact) -> None:
    """Remember when and how these bytes came under this name."""
    kind, detail = (fact.origin.kind.value, fact.origin.detail) if fact.origin else (None, None)
    row = (fact.filename, fact.sha256, fact.project, fact.upload_time, kind, detail)
    known = connection.execute("SELECT * FROM arrival WHERE filename = ? AND sha256 = ?", row[:2]).fetchone()
    # A replay tells mostly what is known: compared first, because a write costs ten times as much.
    if row != known:
        connection.execute("INSERT OR REPLACE INTO arrival VALUES (?, ?, ?, ?, ?, ?)", row)


def record_yank(connection: sqlite3.Connection, fact: FileFact) -> None:
    """Remember that a filename is yanked, or that it is not."""
    if fact.yanked is None:
        connection.execute("DELETE FROM yank WHERE filename = ?", (fact.filename,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO yank VALUES (?, ?, ?)", (fact.filename, fact.project, fact.yanked)
    )


def record(connection: sqlite3.Connection, fact: FileFact) -> None:
    """Replace what was decided about a filename."""
    if fact.sha256 is not None and (fact.upload_time or fact.origin):
        record_arrival(connection, fact)
    record_yank(connection, fact)


def forget(connection: sqlite3.Connection, filename: str) -> None:
    """Remove everything that was decided about a filename."""
    connection.execute("DELETE FROM arrival WHERE filename = ?", (filename,))
    connection.execute("DELETE FROM yank WHERE filename = ?", (filename,))


def apply(connection: sqlite3.Connection, filenames: Iterable[str], now: float) -> set[NormalizedName]:
    """Make the decisions hold for the files of these names; return the projects where something changed."""
    return {project for name in filenames for project in _apply_to(connection, name, now)}


def _apply_to(connection: sqlite3.Connection, filename: str, now: float) -> list[NormalizedName]:
    rows = connection.execute(
        "SELECT file.rowid, file.project, mtime_ns, file.upload_time, file.origin_kind, file.origin_detail, "
        "  yanked, arrival.upload_time, arrival.origin_kind, arrival.origin_detail, yank.reason "
        "FROM file LEFT JOIN arrival USING (filename, sha256) LEFT JOIN yank USING (filename) "
        "WHERE file.filename = ?",
        (filename,),
    ).fetchall()
    changed = []
    for rowid, project, mtime_ns, *columns in rows:
        have, decided = tuple(columns[:4]), columns[4:]
        effective = _effective(int(mtime_ns), decided, now)
        if have != effective:
            connection.execute(
                "UPDATE file SET upload_time = ?, origin_kind = ?, origin_detail = ?, yanked = ? "
                "WHERE rowid = ?",
                (*effective, rowid),
            )
            changed.append(project)
    return changed


def _effective(mtime_ns: int, decided: list[str | None], now: float) -> tuple[str | None, ...]:
    upload_time, kind, detail, reason = decided
    if kind is None:
        kind, detail = COPIED_IN.kind.value, COPIED_IN.detail
    return upload_time or copied_time(mtime_ns, now), kind, detail, reason
