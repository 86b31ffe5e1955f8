"""A SQLite database as a file: opened, locked, copied, moved, mended, whatever is in it.

A lock is taken shared by whoever opens or writes, exclusively by a rebuild, a restore and a migration: SQLite
keeps its journal under the database's name, so a new file must never meet the journal of the old one, and
the two must never part.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from pypitool.catalogue.errors import CatalogueError
from pypitool.host import file_stamp, hand_over, hold_off, remove_foreign_link, sync_directory

WRITE_TIMEOUT = 60.0


def connect(
    path: Path,
    *,
    timeout: float = WRITE_TIMEOUT,
    mode: str = "rw",
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """Open a database; transactions are begun and ended by whoever uses it."""
    # isolation_level=None: what Python 3.12 calls `autocommit` would begin transactions behind our back.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,  # one thread at a time, but not always the same one
        cached_statements=32,
        factory=factory,
    )


def set_up(connection: sqlite3.Connection, settings: Sequence[str]) -> sqlite3.Connection:
    """Set pragmas of a new connection, and return it; it is closed where that fails."""
    try:
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_expendable(
    path: Path,
    tables: str,
    settings: Sequence[str],
    *,
    timeout: float,
    mend: bool,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """Open a database that may be lost; what it lacks of `tables` is made.

    With `mend` a damaged one is deleted and made anew.
    """
    remove_foreign_link(path)
    is_new = not path.exists()
    connection = connect(path, timeout=timeout, mode="rwc", factory=factory)
    try:
        set_up(connection, ("journal_mode = WAL", *settings))
        connection.executescript(tables)
    except sqlite3.DatabaseError as error:
        connection.close()
        # An operational one is of the disk, of rights, or of another process; nothing tells of damage.
        if not mend or isinstance(error, sqlite3.OperationalError):
            raise
        remove(*journals(path), path)
        return open_expendable(path, tables, settings, timeout=timeout, mend=False, factory=factory)
    if is_new:
        hand_over(path)
    return connection


def locked_shared(database: Path) -> AbstractContextManager[object]:
    """Hold off a replacement of the database; never waits for writers."""
    # Who may not write here cannot replace it either; others make the file of the lock when they do.
    return hold_off(database.with_suffix(".lock"), shared=True)


@contextmanager
def locked_to_write(database: Path) -> Iterator[None]:
    """Wait for the writers of other processes, one after another, and hold off a replacement."""
    # SQLite's own waiting is to sleep and to try again, and whoever just wrote is first: four busy processes
    # waited up to 1.4 s and wrote less; in a queue 0.07 s (tried).
    with hold_off(database.with_suffix(".queue")), hold_off(database.with_suffix(".lock"), shared=True):
        yield


@contextmanager
def locked_alone(database: Path) -> Iterator[None]:
    """Wait until nobody opens or writes the database, and hold them all off."""
    # The queue first: otherwise writers that come one after another would never leave a gap.
    with hold_off(database.with_suffix(".queue")), hold_off(database.with_suffix(".lock")):
        yield


def put_in_place(new: Path, path: Path) -> None:
    """Let a complete catalogue take the place of another."""
    # Away with the old one first: a crash may leave no catalogue, which is rebuilt, but neither a file
    # without its journal nor one beside the journal of another.
    old = path.with_name(f".{path.name}.old")
    with suppress(FileNotFoundError):
        path.rename(old)
    remove(*journals(path))
    hand_over(new)
    new.rename(path)
    remove(old)
    sync_directory(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a catalogue and its journal, and return where they are."""
    aside = unused(path, "damaged")
    path.rename(aside)
    wal, shm = journals(path)
    with suppress(FileNotFoundError):
        wal.rename(journals(aside)[0])
    remove(shm)
    return aside


def unused(path: Path, why: str) -> Path:
    """Return a name for a copy of a file that is kept because of `why`."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        candidate = path.with_name(f"{path.name}.{why}-{moment}{suffix}")
        if not os.path.lexists(candidate):
            return candidate
    raise CatalogueError(path, "it was set aside a thousand times in this second")


def journals(path: Path) -> tuple[Path, Path]:
    """Return the journal of a database, and the memory that its users share."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def remove(*paths: Path) -> None:
    """Delete files that may not be there."""
    for path in paths:
        path.unlink(missing_ok=True)


def copy_pages(source: Path, into: sqlite3.Connection, mode: str = "rw") -> None:
    """Copy a database as it is at one moment, while others may write it."""
    with closing(connect(source, mode=mode)) as connection:
        connection.backup(into)


def copy_unnoticed(source: Path, into: sqlite3.Connection) -> bool:
    """Copy a database and leave no file beside it; False: it could not be read, `into` is not to be used."""
    if not source.exists():
        return False
    try:
        # Even who only reads makes the files of a journal and leaves them; unless there is none to be read.
        if not _has_journal(source) and _copied_at_rest(source, into):
            return True
        copy_pages(source, into, "ro")
    except sqlite3.Error:
        return False
    return True


def _has_journal(source: Path) -> bool:
    journal, _ = journals(source)
    return journal.exists() and journal.stat().st_size > 0


def _copied_at_rest(source: Path, into: sqlite3.Connection) -> bool:
    # Nothing is locked so: what a writer did meanwhile shows in the stamp of the file.
    before = file_stamp(source.stat())
    copy_pages(source, into, "ro&immutable=1")
    return file_stamp(source.stat()) == before
