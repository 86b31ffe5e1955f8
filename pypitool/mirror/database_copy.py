"""Copying a database that others use, without a trace beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


def copy_database(source: Path, into: sqlite3.Connection) -> bool:
    """Copy a database as it is now, and tell whether that went well; False: `into` is not to be used."""
    if not source.exists():
        return False
    try:
        # Even who only reads makes the files of a journal and leaves them; unless there is none to be read.
        if not _has_journal(source) and _copied_at_rest(source, into):
            return True
        _copy(source, "mode=ro", into)
    except sqlite3.Error:
        return False
    return True


def _has_journal(source: Path) -> bool:
    journal = source.with_name(f"{source.name}-wal")
    return journal.exists() and journal.stat().st_size > 0


def _copied_at_rest(source: Path, into: sqlite3.Connection) -> bool:
    # Nothing is locked so: what a writer did meanwhile shows in the times of the file.
    before = source.stat()
    _copy(source, "mode=ro&immutable=1", into)
    after = source.stat()
    return (before.st_ino, before.st_mtime_ns, before.st_size) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_size,
    )


def _copy(source: Path, how: str, into: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(f"file:{quote(str(source))}?{how}", uri=True)) as real:
        real.backup(into)
