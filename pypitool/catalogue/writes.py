"""What each change does to the tables; every function runs inside a transaction of its caller."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.utils import NormalizedName

from pypitool.catalogue import decisions
from pypitool.catalogue.catalogue import Decisions, FileFact, Pending, ScanBatch
from pypitool.catalogue.errors import NameReserved, ReleaseFileExists
from pypitool.catalogue.rows import COLUMNS, PLACES, from_row, stat_row, to_path, to_row
from pypitool.core.model import HeldFile, Location, OriginKind, Problem, ProjectStatus
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token, in_order

_INSERT_FILE = f"INSERT OR REPLACE INTO file ({COLUMNS}) VALUES ({PLACES})"
Removed = list[tuple[NormalizedName, str]]  # a project, and the METADATA that its lost file had

OF_TOKENS = "hash, name, owner, projects, may, created, expires, revoked"


def apply_scan(
    connection: sqlite3.Connection, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]], now: float
) -> None:
    """Record what a walk found; `bodies` are compressed."""
    connection.executemany("INSERT OR IGNORE INTO metadata VALUES (?, ?)", bodies)
    busy = set(connection.execute("SELECT root, path FROM pending").fetchall())
    # A place where a publishing is under way belongs to its writer, who knows the uploader; we do not.
    free = [file for file in batch.changed if (file.location.root, file.location.path) not in busy]
    # The last word on a place counts, and one that was gone in between is not only touched.
    free = list({file.location: file for file in free}.values())
    gone = set(batch.gone)
    changed = [file for file in free if file.location in gone or not _is_only_touched(connection, file)]
    removed = remove(connection, [*batch.gone, *(file.location for file in changed)])
    connection.executemany(_INSERT_FILE, map(to_row, changed))
    decided = decisions.apply(connection, {file.filename for file in free}, now)
    drop_bodies(connection, removed)
    _replace_problems(connection, batch)
    announce(connection, {file.project for file in changed} | {project for project, _ in removed} | decided)


def _is_only_touched(connection: sqlite3.Connection, file: HeldFile) -> bool:
    """Record the new ctime of a file that is the one that we have; no page says anything of it."""
    place = (file.location.root, to_path(file.location.path))
    row = connection.execute(f"SELECT {COLUMNS} FROM file WHERE root = ? AND path = ?", place).fetchone()
    if row is None:
        return False
    known = from_row(row)
    alike = known.stat.may_be(file.stat) and (known.contents, known.signed) == (file.contents, file.signed)
    if alike:
        _, _, ctime_ns, _ = stat_row(file.stat)
        connection.execute("UPDATE file SET ctime_ns = ? WHERE root = ? AND path = ?", (ctime_ns, *place))
    return alike


def begin_publish(
    connection: sqlite3.Connection,
    pending: Pending,
    body: bytes | None,
    *,
    overwrite: bool,
    reserve: bool = False,
) -> None:
    """Record a file as pending, unless its release key is taken, or was by other bytes."""
    _refuse_taken(connection, pending.file, overwrite=overwrite)
    if reserve:
        _refuse_reserved(connection, pending.file)
    if body is not None:
        row = (pending.file.contents.metadata_sha256, body)
        connection.execute("INSERT OR IGNORE INTO metadata VALUES (?, ?)", row)
    connection.execute(
        f"INSERT INTO pending ({COLUMNS}, temporary) VALUES ({PLACES}, ?)",
        (*to_row(pending.file), pending.temporary),
    )


def finish_publish(connection: sqlite3.Connection, file: HeldFile, now: float) -> tuple[Location, ...]:
    """Turn a pending file live; return which others it superseded."""
    _delete_pending(connection, file.location)
    arrival = _arrival(file)
    others = _others(connection, file)
    # Deleted by somebody who died before he could say so: its yank is not one of this file.
    decisions.forget_deleted(connection, arrival.filename)
    removed = remove(connection, [file.location, *others])
    # Another spelling of the name is gone for good; this very name keeps what was decided about it.
    _forget_names(connection, {other.filename for other in others} - {arrival.filename})
    connection.execute(_INSERT_FILE, to_row(file))
    decisions.record_arrival(connection, arrival)
    if file.origin.kind is OriginKind.UPLOADED:
        keep(connection, {file.project: True})
    if file.yanked is not None:
        # What the upstream of a mirrored file says. None says nothing: a yank holds by filename.
        decisions.record_yank(connection, arrival)
    decisions.apply(connection, [arrival.filename], now)
    drop_bodies(connection, removed)
    announce(connection, {file.project} | {project for project, _ in removed})
    return others


def abandon_publish(connection: sqlite3.Connection, location: Location) -> None:
    """Forget a pending file, and its METADATA where no other file has the same."""
    drop_bodies(connection, _delete_pending(connection, location))


def forget(connection: sqlite3.Connection, locations: Sequence[Location]) -> None:
    """Remove files, and what was decided about names that nobody bears any more."""
    removed = remove(connection, locations)
    _forget_names(connection, {location.filename for location in locations})
    for location in locations:
        decisions.forget_deleted(connection, location.filename)
    drop_bodies(connection, removed)
    announce(connection, {project for project, _ in removed})


def decide(connection: sqlite3.Connection, facts: Sequence[FileFact], now: float) -> None:
    """Replace what was decided about filenames."""
    for fact in facts:
        decisions.record(connection, fact)
    announce(connection, decisions.apply(connection, {fact.filename for fact in facts}, now))


def set_status(
    connection: sqlite3.Connection, project: NormalizedName, status: ProjectStatus, reason: str | None
) -> None:
    """Record a project's status; nothing is announced when it had it."""
    known = connection.execute("SELECT status, reason FROM project WHERE name = ?", (project,)).fetchone()
    if known == (status.value, reason):
        return
    announce(connection, {project})
    connection.execute(
        "UPDATE project SET status = ?, reason = ? WHERE name = ?", (status.value, reason, project)
    )


def set_owners(connection: sqlite3.Connection, project: NormalizedName, owners: Sequence[str]) -> None:
    """Replace the owners of a project; nothing is announced when it had them."""
    rows = connection.execute("SELECT who FROM owner WHERE project = ?", (project,)).fetchall()
    if {row[0] for row in rows} == set(owners):
        return
    connection.execute("DELETE FROM owner WHERE project = ?", (project,))
    connection.executemany("INSERT INTO owner VALUES (?, ?)", [(project, who) for who in set(owners)])
    # Its pages change for who owns it now, or did.
    announce(connection, {project})
    announce_rights(connection)


def keep(connection: sqlite3.Connection, names: Mapping[NormalizedName, bool]) -> list[NormalizedName]:
    """Record under which names something was uploaded, or False, that one is given up.

    Return those without a file for which that is new: what their addresses answer has changed.
    """
    changed = [
        name for name, is_kept in sorted(names.items()) if _keep_one(connection, name, is_kept=is_kept)
    ]
    announce(connection, set(changed))
    return changed


def _keep_one(connection: sqlite3.Connection, name: NormalizedName, *, is_kept: bool) -> bool:
    insert, delete = "INSERT OR IGNORE INTO uploaded VALUES (?)", "DELETE FROM uploaded WHERE project = ?"
    changed = connection.execute(insert if is_kept else delete, (name,)).rowcount
    return bool(changed) and not _is_held(connection, name)


def _is_held(connection: sqlite3.Connection, project: NormalizedName) -> bool:
    found = connection.execute("SELECT EXISTS (SELECT 1 FROM file WHERE project = ?)", (project,))
    return bool(found.fetchone()[0])


def give_up_name(connection: sqlite3.Connection, project: NormalizedName) -> None:
    """Forget that something was ever uploaded under a name."""
    keep(connection, {project: False})


def replay(connection: sqlite3.Connection, outcome: Decisions, now: float) -> None:
    """Make decisions hold that the log of facts has, whether they hold already or not."""
    filenames = decisions.replay(connection, outcome)
    announce(connection, decisions.apply(connection, filenames, now))
    for project, (status, reason) in outcome.statuses.items():
        set_status(connection, project, status, reason)
    for project, owners in outcome.owners.items():
        set_owners(connection, project, owners)
    keep(connection, outcome.uploaded)
    for token in outcome.tokens.values():
        add_token(connection, token)
    for token_hash, at in outcome.revoked.items():
        revoke_token(connection, token_hash, at)


def set_complete(connection: sqlite3.Connection, since: int) -> None:
    """Record that the directories were walked to their end, unless this history began after `since`."""
    if connection.execute("SELECT complete, base <= ? FROM head", (since,)).fetchone() == (0, 1):
        connection.execute("UPDATE head SET serial = serial + 1, complete = 1")


def announce(connection: sqlite3.Connection, projects: set[NormalizedName]) -> None:
    """Give the projects the next serial, and note of each whether it has files."""
    if not projects:
        return
    connection.execute("UPDATE head SET serial = serial + 1")
    (serial,) = connection.execute("SELECT serial FROM head").fetchone()
    for project in projects:
        _announce(connection, project, serial)


def _announce(connection: sqlite3.Connection, project: NormalizedName, serial: int) -> None:
    connection.execute(
        "INSERT INTO project VALUES (?, ?, ?, ?, NULL) "
        "ON CONFLICT (name) DO UPDATE SET serial = excluded.serial, listed = excluded.listed",
        (project, serial, _is_held(connection, project), ProjectStatus.ACTIVE.value),
    )


def remove(connection: sqlite3.Connection, locations: Iterable[Location]) -> Removed:
    """Delete the live rows of these places."""
    removed: Removed = []
    for location in locations:
        place = (location.root, to_path(location.path))
        found = connection.execute(
            "SELECT rowid, project, metadata_sha256 FROM file WHERE root = ? AND path = ?", place
        ).fetchone()
        if found:
            connection.execute("DELETE FROM file WHERE rowid = ?", found[:1])
            removed.append(found[1:])
    return removed


def drop_bodies(connection: sqlite3.Connection, removed: Removed) -> None:
    """Delete the METADATA bodies that no file has any more."""
    # Within the project only, for which there is an index: a body holds its project's name.
    for project, sha256 in removed:
        if sha256 is not None:
            connection.execute(
                "DELETE FROM metadata WHERE sha256 = :sha256 "
                "AND NOT EXISTS (SELECT 1 FROM file WHERE project = :project AND metadata_sha256 = :sha256) "
                "AND NOT EXISTS (SELECT 1 FROM pending WHERE metadata_sha256 = :sha256)",
                {"sha256": sha256, "project": project},
            )


def _refuse_taken(connection: sqlite3.Connection, file: HeldFile, *, overwrite: bool) -> None:
    tables = ["pending"] if overwrite else ["file", "pending"]
    for table in tables:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE release_key = ? ORDER BY root, length(path), path LIMIT 1",
            (file.release_key,),
        ).fetchall()
        if rows:
            sha256 = file.contents.digests.sha256
            raise ReleaseFileExists(file.filename, sha256, from_row(rows[0]), live=table == "file")


def _refuse_reserved(connection: sqlite3.Connection, file: HeldFile) -> None:
    about = (file.release_key, to_path(file.filename), file.contents.digests.sha256)
    if connection.execute(decisions.IS_RESERVED, about).fetchone()[0]:
        raise NameReserved(file.filename)


def _others(connection: sqlite3.Connection, file: HeldFile) -> tuple[Location, ...]:
    rows = connection.execute("SELECT root, path FROM file WHERE release_key = ?", (file.release_key,))
    places = [Location(root, path) for root, path in rows.fetchall()]
    return tuple(place for place in places if place != file.location)


def _forget_names(connection: sqlite3.Connection, filenames: set[str]) -> None:
    for filename in filenames:
        (held,) = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM file WHERE filename = ?)", (filename,)
        ).fetchone()
        if not held:
            decisions.forget(connection, filename)


def _delete_pending(connection: sqlite3.Connection, location: Location) -> Removed:
    place = (location.root, to_path(location.path))
    found: Removed = connection.execute(
        "SELECT project, metadata_sha256 FROM pending WHERE root = ? AND path = ?", place
    ).fetchall()
    connection.execute("DELETE FROM pending WHERE root = ? AND path = ?", place)
    return found


def _replace_problems(connection: sqlite3.Connection, batch: ScanBatch) -> None:
    settled = [*batch.solved, *batch.gone, *(file.location for file in batch.changed)]
    connection.executemany(
        "DELETE FROM problem WHERE root = ? AND path = ?",
        ((location.root, to_path(location.path)) for location in settled),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO problem VALUES (?, ?, ?, ?, ?, ?, ?)",
        map(_problem_row, batch.problems),
    )


def _problem_row(problem: Problem) -> tuple[object, ...]:
    stat = stat_row(problem.stat) if problem.stat else (None, None, None, None)
    return problem.location.root, to_path(problem.location.path), problem.reason, *stat


def _arrival(file: HeldFile) -> FileFact:
    sha256 = file.contents.digests.sha256
    return FileFact(file.filename, file.project, sha256, file.upload_time, file.origin, file.yanked)


def token_of_row(row: Sequence[Any]) -> Token:
    """Return the token of a row."""
    token_hash, name, owner, projects, may, created, expires, revoked = row
    return Token(
        token_hash,
        name,
        tuple(json.loads(projects)),
        frozenset(map(Right, json.loads(may))),
        created,
        expires,
        owner,
        revoked,
    )


def add_token(connection: sqlite3.Connection, token: Token) -> None:
    """Record a token, unless it is known. Nobody has to be told: nobody remembers that it was unknown."""
    row = (
        token.hash,
        token.name,
        token.owner,
        json.dumps(token.projects),
        json.dumps(in_order(token.may)),
        token.created,
        token.expires,
        token.revoked,
    )
    connection.execute(f"INSERT OR IGNORE INTO token ({OF_TOKENS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def revoke_token(connection: sqlite3.Connection, hash: str, at: str) -> None:
    """Record that a token was revoked, and let every worker look again."""
    changed = connection.execute(
        "UPDATE token SET revoked = ? WHERE hash = ? AND revoked IS NULL", (at, hash)
    )
    if changed.rowcount:
        announce_rights(connection)


def announce_rights(connection: sqlite3.Connection) -> None:
    """Let whoever remembers what somebody may look again."""
    # A serial and not a count of its own: it is never the same again in another history of the catalogue.
    connection.execute("UPDATE head SET serial = serial + 1, rights_serial = serial + 1")
