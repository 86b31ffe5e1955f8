"""What people decided about filenames, and what of it holds for the files that we have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Decisions, FileFact
from pypitool.catalogue.rows import copied_time
from pypitool.core.model import COPIED_IN

# Of a release key, a filename and a sha256: whether these bytes are or were under the name, and not deleted.
KNOWN = (
    "(EXISTS (SELECT 1 FROM file WHERE filename = ?2 AND sha256 = ?3) "
    "OR EXISTS (SELECT 1 FROM arrival WHERE filename = ?2 AND sha256 = ?3))"
)
IS_RESERVED = (
    "SELECT EXISTS (SELECT 1 FROM deleted WHERE release_key = ?1) "
    "AND NOT EXISTS (SELECT 1 FROM deleted WHERE release_key = ?1 AND sha256 = ?3) "
    f"AND NOT {KNOWN}"
)


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


def forget(connection: sqlite3.Connection, filename: str, sha256: str | None = None) -> None:
    """Remove what was decided about these bytes under a filename, or about all; its yank in any case."""
    for table in ("arrival", "deletion"):
        connection.execute(
            f"DELETE FROM {table} WHERE filename = ? AND sha256 = ifnull(?, sha256)", (filename, sha256)
        )
    connection.execute("DELETE FROM yank WHERE filename = ?", (filename,))


def forget_deleted(connection: sqlite3.Connection, filename: str) -> None:
    """Remove what was decided about bytes whose deletion is on record, and that are not held."""
    rows = connection.execute(
        "SELECT sha256 FROM deletion WHERE filename = ?1 "
        "AND NOT EXISTS (SELECT 1 FROM file WHERE filename = ?1 AND file.sha256 = deletion.sha256)",
        (filename,),
    ).fetchall()
    for (sha256,) in rows:
        settle_deletion(connection, filename, sha256)


def settle_deletion(connection: sqlite3.Connection, filename: str, sha256: str) -> None:
    """End a deletion: what was decided about its bytes stays where they are held, else it is forgotten."""
    held = connection.execute("SELECT sha256 FROM file WHERE filename = ?", (filename,)).fetchall()
    if not held:
        forget(connection, filename, sha256)
        return
    if (sha256,) not in held:
        # Other bytes bear the name, and a yank holds for whatever bears it.
        connection.execute("DELETE FROM arrival WHERE filename = ? AND sha256 = ?", (filename, sha256))
    connection.execute("DELETE FROM deletion WHERE filename = ? AND sha256 = ?", (filename, sha256))


def replay(connection: sqlite3.Connection, outcome: Decisions) -> set[str]:
    """Make what was decided about files hold, and return for which filenames that may change something."""
    connection.executemany("DELETE FROM deletion WHERE filename = ? AND sha256 = ?", outcome.not_deleted)
    for fact in outcome.not_arrived:
        connection.execute(
            "DELETE FROM arrival WHERE filename = ? AND sha256 = ? AND upload_time IS ?",
            (fact.filename, fact.sha256, fact.upload_time),
        )
    for filename in outcome.arrived:
        forget_deleted(connection, filename)
    for filename, sha256 in outcome.forgotten:
        forget(connection, filename, sha256)
    for arrivals in outcome.arrivals.values():
        for arrival in arrivals.values():
            record_arrival(connection, arrival)
    for yank in outcome.yanks.values():
        record_yank(connection, yank)
    connection.executemany("INSERT OR IGNORE INTO deletion VALUES (?, ?)", outcome.deleted)
    reserve(connection, outcome.reserved)
    return {*outcome.arrivals, *outcome.yanks, *(fact.filename for fact in outcome.not_arrived)}


def reserve(connection: sqlite3.Connection, reserved: Mapping[tuple[str, str], bool]) -> None:
    """Remember which bytes were deleted under which release key; False: they were not after all."""
    for row, is_reserved in reserved.items():
        connection.execute(
            "INSERT OR IGNORE INTO deleted VALUES (?, ?)"
            if is_reserved
            else "DELETE FROM deleted WHERE release_key = ? AND sha256 = ?",
            row,
        )


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
