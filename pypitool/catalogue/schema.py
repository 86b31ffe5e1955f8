"""The tables of the catalogue, and how an older catalogue becomes a current one."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pypitool.catalogue import writes
from pypitool.catalogue.errors import CatalogueDamaged, CatalogueTooNew
from pypitool.catalogue.rows import COLUMNS, from_row
from pypitool.core.limits import REQUIRES_PYTHON

VERSION_ONE = 1
APPLICATION_ID = 0x70797069  # `file` and others can tell what this database is
HEAD_BYTES = 100  # of any SQLite database

# What a file row held at first, in the order in which `rows` reads it. Columns without a type hold numbers
# that may not fit into 64 bits (an overlay's inode, a time stamp of the year 2400) as text.
_FILE_COLUMNS = """
    root            INTEGER NOT NULL,
    path            TEXT    NOT NULL,
    filename        TEXT    NOT NULL,
    project         TEXT    NOT NULL,
    version         TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    release_key     TEXT    NOT NULL,
    size            INTEGER NOT NULL,
    mtime_ns                NOT NULL,
    ctime_ns                NOT NULL,
    inode                   NOT NULL,
    sha256          TEXT    NOT NULL,
    blake2b         TEXT    NOT NULL,
    md5             TEXT    NOT NULL,
    requires_python TEXT,
    metadata_sha256 TEXT,
    signed          INTEGER NOT NULL,
    provenance      TEXT,
    upload_time     TEXT    NOT NULL,
    origin_kind     TEXT    NOT NULL,
    origin_detail   TEXT    NOT NULL,
    yanked          TEXT
"""

# As it was first. What came later is in MIGRATIONS, and a new catalogue goes the same way as an old one.
_SCHEMA = f"""
-- One row. `serial`: the last change; `base`: where this history begins, see `_first_serial`; `facts_end`:
-- facts.jsonl is replayed up to here; `complete`: the directories were walked to their end once.
-- Nobody reads `names_serial` any more.
CREATE TABLE head (
    serial       INTEGER NOT NULL,
    names_serial INTEGER NOT NULL,
    base         INTEGER NOT NULL,
    facts_end    INTEGER NOT NULL,
    complete     INTEGER NOT NULL
);
-- A project that lost its last file keeps its row, so that its page is known to have changed.
CREATE TABLE project (
    name   TEXT PRIMARY KEY,
    serial INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT
) WITHOUT ROWID;
CREATE INDEX project_serial ON project (serial);

-- Files that pages show. Upload time, origin and yank are the effective ones, see `decisions`.
CREATE TABLE file ({_FILE_COLUMNS});
CREATE UNIQUE INDEX file_location ON file (root, path);
CREATE INDEX file_project ON file (project);
CREATE INDEX file_filename ON file (filename);
CREATE INDEX file_release ON file (release_key);

-- Files whose publishing has begun: a table of their own, because a live row of the same place may stand
-- until an overwrite is complete, and because no page can then show one by mistake.
CREATE TABLE pending ({_FILE_COLUMNS}, temporary TEXT NOT NULL);
CREATE UNIQUE INDEX pending_location ON pending (root, path);
CREATE UNIQUE INDEX pending_release ON pending (release_key);

-- What people decided. They outlive the file, so that one moved away and back is the same as before.
CREATE TABLE arrival (
    filename      TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    project       TEXT NOT NULL,
    upload_time   TEXT,
    origin_kind   TEXT,
    origin_detail TEXT
);
CREATE UNIQUE INDEX arrival_bytes ON arrival (filename, sha256);
CREATE TABLE yank (
    filename TEXT PRIMARY KEY,
    project  TEXT NOT NULL,
    reason   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE metadata (sha256 TEXT NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX metadata_sha256 ON metadata (sha256);

CREATE TABLE problem (
    root     INTEGER NOT NULL,
    path     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    size     INTEGER,
    mtime_ns,
    ctime_ns,
    inode
);
CREATE UNIQUE INDEX problem_location ON problem (root, path);
"""

# `rights_serial`: the last change after which somebody may do less, or something else. A token is known by
# its hash alone; `projects` and `may` are JSON lists; `owner` is who it acts for, or was minted for.
_TOKENS = """
ALTER TABLE head ADD COLUMN rights_serial INTEGER NOT NULL DEFAULT 0;
UPDATE head SET rights_serial = serial;
CREATE TABLE token (
    hash     TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    owner    TEXT,
    projects TEXT NOT NULL,
    may      TEXT NOT NULL,
    created  TEXT NOT NULL,
    expires  TEXT,
    revoked  TEXT
) WITHOUT ROWID;
"""

# Who owns a project, whatever the rules say. They outlive its files: the name stays theirs.
_OWNERS = """
CREATE TABLE owner (
    project TEXT NOT NULL,
    who     TEXT NOT NULL,
    PRIMARY KEY (project, who)
) WITHOUT ROWID;
CREATE INDEX owner_who ON owner (who);
"""

# The names under which something was uploaded: ours, also when the last file is deleted, until given up.
_UPLOADED = """
CREATE TABLE uploaded (project TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO uploaded SELECT DISTINCT project FROM file WHERE origin_kind = 'uploaded';
"""

# Deletions on record of which nobody knows whether they came about. What was decided about the bytes holds
# until a walk does not find them: a deletion that is killed or fails must take no yank and no uploader along.
_DELETIONS = """
CREATE TABLE IF NOT EXISTS deletion (
    filename TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    PRIMARY KEY (filename, sha256)
) WITHOUT ROWID;
"""

# What was taken before there was a limit, and ends pip on every page where it stands.
_READABLE_PYTHONS = f"""
UPDATE file SET requires_python = NULL WHERE length(requires_python) > {REQUIRES_PYTHON.most};
"""

# Where an sdist speaks of another release than its name. Of those that are known already nobody looks.
_MISNAMED = """
ALTER TABLE file ADD COLUMN misnamed TEXT;
ALTER TABLE pending ADD COLUMN misnamed TEXT;
"""

# Which bytes were deleted under a name, for good: `reserve-deleted` keeps it for them. Every spelling of the
# name is one, and "" stands for bytes that nobody has taken down.
_DELETED = """
CREATE TABLE IF NOT EXISTS deleted (
    release_key TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    PRIMARY KEY (release_key, sha256)
) WITHOUT ROWID;
"""

# The script that leads from the schema before to this one, by the number that it leads to.
MIGRATIONS: Mapping[int, str] = {
    VERSION_ONE + 1: _TOKENS,
    VERSION_ONE + 2: _OWNERS,
    VERSION_ONE + 3: _UPLOADED,
    VERSION_ONE + 4: _DELETIONS,
    VERSION_ONE + 5: _READABLE_PYTHONS,
    VERSION_ONE + 6: _MISNAMED,
    VERSION_ONE + 7: _DELETED,
}


def create(path: Path, *, after: int = 0) -> None:
    """Make a new, empty catalogue at `path`; its serials are all higher than `after`."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA};{''.join(MIGRATIONS.values())}")
        first = _first_serial(after)
        connection.execute("INSERT INTO head VALUES (:first, :first, :first, 0, 0, :first)", {"first": first})
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION_ONE + len(MIGRATIONS)}")
        connection.execute("COMMIT")
        # Last, so that no journal file is left beside a catalogue that is about to be renamed.
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    finally:
        connection.close()


def check(connection: sqlite3.Connection, path: Path, migrations: Mapping[int, str] = MIGRATIONS) -> int:
    """Return how many steps a catalogue is behind; refuse what is none, or a newer one."""
    version = VERSION_ONE + len(migrations)
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    if identity != APPLICATION_ID:
        raise CatalogueDamaged(path, "it is not a catalogue of pypitool")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > version:
        raise CatalogueTooNew(path, found, version)
    if connection.execute("SELECT count(*) FROM head").fetchone() != (1,):
        raise CatalogueDamaged(path, "it has no head")
    return int(version - found)


def is_behind(head: bytes, path: Path) -> bool:
    """Tell by the first bytes of a database whether it is an older catalogue; refuse a newer one."""
    # SQLite's file format, 1.3: the user version at 60, the application id at 68, both big-endian.
    if len(head) < HEAD_BYTES or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        return False
    found, version = int.from_bytes(head[60:64], "big"), VERSION_ONE + len(MIGRATIONS)
    if found > version:
        raise CatalogueTooNew(path, found, version)
    return found < version


def check_thoroughly(connection: sqlite3.Connection, path: Path) -> None:
    """Read every page and understand every row; takes seconds for 100,000 files."""
    (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != "ok":
        raise CatalogueDamaged(path, str(answer))
    for table in ("file", "pending"):
        for row in connection.execute(f"SELECT {COLUMNS} FROM {table}"):
            from_row(row)
    for row in connection.execute(f"SELECT {writes.OF_TOKENS} FROM token"):
        writes.token_of_row(row)
    for table in (
        "head",
        "project",
        "arrival",
        "yank",
        "owner",
        "uploaded",
        "deletion",
        "deleted",
        "problem",
    ):
        connection.execute(f"SELECT * FROM {table}").fetchall()
    for (body,) in connection.execute("SELECT body FROM metadata"):
        zlib.decompress(body)


def migrate(
    connection: sqlite3.Connection,
    migrations: Mapping[int, str] = MIGRATIONS,
    *,
    fill: Callable[[sqlite3.Connection], None],
) -> None:
    """Lead an older catalogue to the current schema, in one transaction.

    `fill` writes in it what the older one did not know and the log of facts does.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    version = VERSION_ONE + len(migrations)
    steps = ";".join(migrations[number] for number in range(found + 1, version + 1))
    try:
        connection.executescript(f"BEGIN IMMEDIATE;{steps};PRAGMA user_version = {version}")
        fill(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def begin_new_history(connection: sqlite3.Connection, *, after: int) -> None:
    """Let every serial be higher than `after`, and the directories be walked anew."""
    first = _first_serial(after)
    connection.execute(
        "UPDATE head SET serial = :first, names_serial = :first, base = :first, rights_serial = :first, "
        "  complete = 0",
        {"first": first},
    )
    connection.execute("UPDATE project SET serial = ?", (first,))


def _first_serial(after: int) -> int:
    # Milliseconds: a history that ran at fewer than 1,000 changes a second since it began ends below the
    # next one's beginning, even where the old file is lost and nobody can say how far it went.
    return max(after + 1, int(time.time() * 1000))
