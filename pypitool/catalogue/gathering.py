"""Changes of several threads in one transaction: the disk takes as long for one commit as for ten."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from pypitool.core.errors import PypitoolError

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
