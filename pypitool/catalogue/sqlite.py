"""The catalogue in one SQLite file: many readers that never wait, writers one after another."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from pypitool.catalogue import decisions, writes
from pypitool.catalogue.catalogue import Decisions, FileFact, Pending, ScanBatch
from pypitool.catalogue.connections import Writer
from pypitool.catalogue.queries import SqliteReader
from pypitool.core.errors import PypitoolError
from pypitool.core.model import HeldFile, Location

P = ParamSpec("P")
T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]


def _durable(
    change: Callable[Concatenate[sqlite3.Connection, P], T],
) -> Callable[Concatenate[SqliteCatalogue, P], T]:
    """Make a method of what runs inside a transaction; when it returns, that is committed."""

    @wraps(change)
    def method(self: SqliteCatalogue, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._writer.transaction() as connection:
            return change(connection, *args, **kwargs)

    return method


class SqliteCatalogue(SqliteReader):
    """Implements `pypitool.catalogue.catalogue.Catalogue`, over a sound file of the current schema.

    `rebuild.open_catalogue` makes it so first.
    """

    def __init__(
        self, path: Path, *, reader_only: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(path, read_only=reader_only)
        self._writer = Writer(path)
        self._together = GroupCommit(self._writer)
        self._clock = clock

    abandon_publish = _durable(writes.abandon_publish)
    set_status = _durable(writes.set_status)
    set_owners = _durable(writes.set_owners)
    give_up_name = _durable(writes.give_up_name)
    forget = _durable(writes.forget)
    settle_deletion = _durable(decisions.settle_deletion)
    add_token = _durable(writes.add_token)
    revoke_token = _durable(writes.revoke_token)

    def apply_scan(self, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        # Compressed before the transaction begins: other writers are not kept waiting for it.
        compressed = [(sha256, _compress(body)) for sha256, body in bodies]
        with self._writer.transaction() as connection:
            writes.apply_scan(connection, batch, compressed, self._clock())

    def begin_publish(
        self, pending: Pending, body: bytes | None, *, overwrite: bool, reserve: bool = False
    ) -> None:
        compressed = None if body is None else _compress(body)

        def begin(connection: sqlite3.Connection) -> None:
            writes.begin_publish(connection, pending, compressed, overwrite=overwrite, reserve=reserve)

        self._together.apply(begin)

    def finish_publish(self, file: HeldFile) -> tuple[Location, ...]:
        return self._together.apply(lambda connection: writes.finish_publish(connection, file, self._clock()))

    def decide(self, *facts: FileFact) -> None:
        with self._writer.transaction() as connection:
            writes.decide(connection, facts, self._clock())

    def set_complete(self, since: int) -> None:
        if not self.is_complete():
            with self._writer.transaction() as connection:
                writes.set_complete(connection, since)

    def replay(self, outcome: Decisions, facts_end: int) -> None:
        with self._writer.transaction() as connection:
            writes.replay(connection, outcome, self._clock())
            connection.execute("UPDATE head SET facts_end = ?", (facts_end,))

    def close(self) -> None:
        super().close()
        self._writer.close()


def _compress(body: bytes) -> bytes:
    return zlib.compress(body, 3)


class Transactions(Protocol):
    """Whoever can begin a transaction, and make it durable."""

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Begin one; it is committed at the end of the block, or undone."""


class _Asked:
    """A change that waits, and then what came of it."""

    def __init__(self, change: Change[Any]) -> None:
        self._change = change
        self.is_done = False
        self._result: Any = None
        self._error: PypitoolError | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Apply it beside others; what it refuses is undone for itself."""
        connection.execute("SAVEPOINT one")
        try:
            self._result = self._change(connection)
        except PypitoolError as error:
            self._error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")

    def fail(self, error: PypitoolError) -> None:
        """Note that its transaction was undone."""
        self._error = error

    def outcome(self) -> Any:
        """Return what it returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class GroupCommit:
    """While one thread waits for the disk the changes of others gather; the next commits them all."""

    def __init__(self, writer: Transactions) -> None:
        self._writer = writer
        self._turn = threading.Lock()
        self._waiting: deque[_Asked] = deque()

    def apply(self, change: Change[T]) -> T:
        """Apply a change, and return what it returned when it is durable."""
        mine = _Asked(change)
        self._waiting.append(mine)
        with self._turn:
            # Whoever had the turn may have committed ours with its own.
            if not mine.is_done:
                self._commit([mine, *(other for other in self._take_all() if other is not mine)])
        result: T = mine.outcome()
        return result

    def _take_all(self) -> Iterable[_Asked]:
        while self._waiting:
            yield self._waiting.popleft()

    def _commit(self, asked: list[_Asked]) -> None:
        try:
            with self._writer.transaction() as connection:
                for one in asked:
                    one.run(connection)
        except PypitoolError as error:
            # The database refused one of them, which cannot be known: each for itself then.
            if len(asked) == 1:
                asked[0].fail(error)
            else:
                for one in asked:
                    self._commit([one])
        for one in asked:
            one.is_done = True
