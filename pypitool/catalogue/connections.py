"""Connections to the catalogue: some that read, and one for each process that writes.

Who wrote tells the readers of all processes that something was committed, through memory that they share.
"""

from __future__ import annotations

import json
import mmap
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from pypitool.catalogue.database import connect, locked_shared, locked_to_write, set_up
from pypitool.catalogue.errors import NONSENSE, CatalogueMissing, translate
from pypitool.host import FILE_MODE, open_or_make

LOOK_EVERY = 1.0  # seconds between two looks at whether another file lies at the catalogue's path
READ_TIMEOUT = 10.0  # readers wait only for the recovery after a crash
_READERS = 8  # connections that read: more than that would only wait for the processors


Identity = tuple[int, int]
_SIZE = 8


def identity(path: Path) -> Identity | None:
    """Return what tells one file from another at the same path."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class _ReadConnection(NamedTuple):
    """A connection that never writes and never holds a transaction, and of which file it is."""

    connection: sqlite3.Connection
    execute: Callable[..., sqlite3.Cursor]
    generation: int


class Readers:
    """A few connections that read, whatever the number of threads.

    Entered around what is made of rows: what cannot be understood of them is damage, and named so.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._path = path
        # Who may write opens it so all the same: SQLite cannot read a journal without sharing its memory.
        self._mode = "ro" if read_only and not os.access(path, os.W_OK) else "rw"
        self._is_closed = False
        # The free connections; None stands for one that failed, and is to be opened again.
        self._free: SimpleQueue[_ReadConnection | None] = SimpleQueue()
        # Those that were never opened: not before all others are in use, for who asks alone needs one.
        self._unopened: list[None] = [None] * _READERS
        self._lock = threading.Lock()
        self._generation = 0
        self._identity: Identity | None = None
        self._look_at = 0.0
        self._looks = 0
        self._signal = CommitSignal(path)

    def stamp(self) -> tuple[int, bytes]:
        """Return what is another value after each commit, and once a second in any case."""
        if time.monotonic() >= self._look_at:
            self._look()
        return self._looks, self._signal.read()

    def ask(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return all rows at once: a half-read answer would hold a transaction open."""
        if time.monotonic() >= self._look_at:
            self._look()
        try:
            reading = self._free.get_nowait()
        except Empty:
            reading = self._one_more()
        try:
            if reading is None or reading.generation != self._generation:
                reading = self._reopen(reading)
            return reading.execute(statement, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            _close(reading)
            reading = None
            self.look_soon()
            raise translate(error, self._path) from error
        finally:
            self._give_back(reading)

    def ask_many(self, columns: str, rest: str, parameters: Sequence[object] = ()) -> list[list[Any]]:
        """Return the rows of `SELECT columns FROM rest`, which holds no blobs, in one step.

        Python's module gives up the interpreter at each row, and waits for it at each row: beside two busy
        threads 2,000 rows took 2.7 s, as one JSON text 15 ms.
        """
        names = ", ".join(f"c{number}" for number in range(columns.count(",") + 1))
        statement = (
            f"WITH many ({names}) AS (SELECT {columns} FROM {rest}) "
            f"SELECT json_group_array(json_array({names})) FROM many"
        )
        text = self.ask(statement, parameters)[0][0]
        try:
            many: list[list[Any]] = json.loads(text)
        except ValueError as error:
            raise translate(error, self._path) from error
        return many

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, NONSENSE):
            self.look_soon()
            raise translate(error, self._path) from error

    def look_soon(self) -> None:
        """Look for another file at the next question: whoever met damage may have had it mended by then."""
        self._look_at = 0.0

    def close(self) -> None:
        """Close every connection; those in use are closed when they are free again."""
        self._is_closed = True
        with suppress(Empty):
            for _ in range(_READERS):
                self._give_back(self._free.get_nowait())

    def _one_more(self) -> _ReadConnection | None:
        with suppress(IndexError):
            return self._unopened.pop()
        return self._free.get()

    def _give_back(self, reading: _ReadConnection | None) -> None:
        if self._is_closed:
            _close(reading)
            reading = None
        self._free.put(reading)

    def _look(self) -> None:
        found = identity(self._path)
        with self._lock:
            # A missing file is not another one: what is open still answers until the rebuilt one is there.
            if found is not None and found != self._identity:
                self._identity = found
                self._generation += 1
            # A writer that died after its commit, or is none of ours, has sent no signal.
            self._looks += 1
            self._signal.share()
            self._look_at = time.monotonic() + LOOK_EVERY

    def _reopen(self, reading: _ReadConnection | None) -> _ReadConnection:
        _close(reading)
        with locked_shared(self._path):
            self._look()
            if identity(self._path) is None:
                raise CatalogueMissing(self._path, "the file is missing")
            connection = connect(self._path, timeout=READ_TIMEOUT, mode=self._mode)
            # A small cache: the system's page cache serves all connections.
            set_up(connection, ("query_only = 1", "cache_size = -64"))
            return _ReadConnection(connection, connection.cursor().execute, self._generation)


class Writer:
    """The one writing connection of a process; its transactions are durable when they end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._signal = CommitSignal(path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction, waiting for other writers; commit it, or undo all of it."""
        with self._lock, locked_to_write(self._path):
            try:
                connection = self._current()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    _undo(connection)
                self._signal.send()
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise translate(error, self._path) from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _current(self) -> sqlite3.Connection:
        found = identity(self._path)
        if found is None:
            raise CatalogueMissing(self._path, "the file is missing")
        if self._connection is None or found != self._identity:
            self._drop()
            settings = ("synchronous = FULL", "journal_size_limit = 16777216")
            self._connection = set_up(connect(self._path), settings)
            self._identity = found
        self._signal.share()
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _close(reading: _ReadConnection | None) -> None:
    if reading is not None:
        reading.connection.close()


def _undo(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # SQLite has undone it by itself where the disk failed
            connection.execute("ROLLBACK")


class CommitSignal:
    """Eight bytes that every writer changes after its commit. A hint: whoever must be sure, asks SQLite.

    `PRAGMA data_version` says the same, but gives up the interpreter lock at each call: beside 16 threads
    a request paid 250 us for it, and a page was served 2,700 times per CPU second instead of 13,400 (tried).
    SQLite's own shared memory cannot be looked at from here: closing any descriptor of it would release the
    locks that SQLite holds on it.
    """

    def __init__(self, catalogue: Path) -> None:
        self._path = catalogue.with_name(f"{catalogue.stem}.signal")
        self._memory: mmap.mmap | None = None
        self._inode = 0

    def read(self) -> bytes:
        """Return what is other bytes after each commit; nothing where the memory cannot be shared."""
        memory = self._memory
        return b"" if memory is None else memory[:_SIZE]

    def send(self) -> None:
        """Tell every process that something was committed."""
        # Random and not counted: two writers that count at once may both say the same number.
        if self._memory is not None:
            self._memory[:_SIZE] = os.urandom(_SIZE)

    def share(self) -> None:
        """Share the memory that others share now; again where somebody has removed the file."""
        try:
            if self._memory is None or self._path.stat().st_ino != self._inode:
                self._map(open_or_make(self._path, FILE_MODE))
        except OSError:
            # A state that we may only read: changes are seen when SQLite is asked, once a second.
            self._memory = None

    def _map(self, descriptor: int) -> None:
        try:
            found = os.fstat(descriptor)
            if found.st_size < _SIZE:
                # Written and not only extended: a page that the disk has no room for ends the process
                # (SIGBUS) when it is touched.
                os.pwrite(descriptor, bytes(_SIZE), 0)
            self._memory = mmap.mmap(descriptor, _SIZE)
            self._inode = found.st_ino
        finally:
            os.close(descriptor)
