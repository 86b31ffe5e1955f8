"""The catalogue in one SQLite file: many readers that never wait, writers one after another.

Changes of several threads in one transaction: the disk takes as long for one commit as for ten.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from packaging.utils import NormalizedName

from pypitool.catalogue import writes
from pypitool.catalogue.catalogue import Decisions, FileFact, Pending, ScanBatch
from pypitool.catalogue.connections import Writer
from pypitool.catalogue.queries import SqliteReader
from pypitool.core.errors import PypitoolError
from pypitool.core.model import HeldFile, Location, ProjectStatus
from pypitool.core.rights.tokens import Token


class SqliteCatalogue(SqliteReader):
    """Implements `pypitool.catalogue.catalogue.Catalogue`."""

    def __init__(
        self, path: Path, *, reader_only: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(path, read_only=reader_only)
        self._writer = Writer(path)
        self._gathering = Gathering(self._writer)
        self._clock = clock

    @classmethod
    def open(cls, path: Path, *, reader_only: bool = False) -> SqliteCatalogue:
        """Open a sound catalogue of the current schema; `rebuild.open_catalogue` makes it so first."""
        return cls(path, reader_only=reader_only)

    def apply_scan(self, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        """Record what a walk found; `bodies` are METADATA bodies with their digests."""
        # Compressed before the transaction begins: other writers are not kept waiting for it.
        compressed = [(sha256, _compress(body)) for sha256, body in bodies]
        with self._writer.transaction() as connection:
            writes.apply_scan(connection, batch, compressed, self._clock())

    def begin_publish(self, pending: Pending, body: bytes | None, *, overwrite: bool) -> None:
        """Record a file as pending; raise `ReleaseFileExists` when a file has its release key already."""
        compressed = None if body is None else _compress(body)
        self._gathering.apply(
            lambda connection: writes.begin_publish(connection, pending, compressed, overwrite=overwrite)
        )

    def finish_publish(self, file: HeldFile) -> tuple[Location, ...]:
        """Turn a pending file live, with the stat that it has now; return which others it superseded."""
        return self._gathering.apply(
            lambda connection: writes.finish_publish(connection, file, self._clock())
        )

    def abandon_publish(self, location: Location) -> None:
        """Forget a pending file."""
        with self._writer.transaction() as connection:
            writes.abandon_publish(connection, location)

    def decide(self, *facts: FileFact) -> None:
        """Replace what people decided about filenames, all of them at once."""
        with self._writer.transaction() as connection:
            writes.decide(connection, facts, self._clock())

    def set_status(self, project: NormalizedName, status: ProjectStatus, reason: str | None) -> None:
        """Record a project's status (PEP 792)."""
        with self._writer.transaction() as connection:
            writes.set_status(connection, project, status, reason)

    def set_owners(self, project: NormalizedName, owners: Sequence[str]) -> None:
        """Replace the owners of a project."""
        with self._writer.transaction() as connection:
            writes.set_owners(connection, project, owners)

    def forget(self, locations: Sequence[Location]) -> None:
        """Remove files, and what was decided about their names where no other file bears them."""
        with self._writer.transaction() as connection:
            writes.forget(connection, locations)

    def set_complete(self, since: int) -> None:
        """Record that the directories were walked to their end, by a walk that began at serial `since`."""
        if not self.is_complete():
            with self._writer.transaction() as connection:
                writes.set_complete(connection, since)

    def add_token(self, token: Token) -> None:
        """Record a token; one that is known stays as it is."""
        with self._writer.transaction() as connection:
            writes.add_token(connection, token)

    def revoke_token(self, hash: str, at: str) -> None:
        """Record that a token was revoked at a moment, unless it has been."""
        with self._writer.transaction() as connection:
            writes.revoke(connection, hash, at)

    def forget_tokens(self, before: str, *, minted_before: str) -> None:
        """Forget the tokens that ended before a moment; of those that were minted there are many more."""
        with self._writer.transaction() as connection:
            writes.forget_tokens(connection, before, minted_before)

    def replay(self, outcome: Decisions, facts_end: int) -> None:
        """Make decisions hold that the log of facts has up to the byte `facts_end`."""
        with self._writer.transaction() as connection:
            writes.replay(connection, outcome, self._clock())
            connection.execute("UPDATE head SET facts_end = ?", (facts_end,))

    def close(self) -> None:
        """Release every connection."""
        super().close()
        self._writer.close()


def _compress(body: bytes) -> bytes:
    return zlib.compress(body, 3)


T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]


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


class Gathering:
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
