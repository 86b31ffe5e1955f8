"""Changes that wait for the disk together share a transaction, and nothing else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pypitool.catalogue.sqlite import GroupCommit
from pypitool.core.errors import Kind, PypitoolError
from tests.support.waiting import LONGEST, wait_until


class Refused(PypitoolError):
    kind = Kind.CONFLICT


class Broken(PypitoolError):
    kind = Kind.INTERNAL


class Database:
    """A table of numbers; a transaction that comes to 13 cannot be committed."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.execute("CREATE TABLE number (value INTEGER)")
        self.transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.transactions += 1
        self.connection.execute("BEGIN")
        try:
            yield self.connection
            if 13 in self.numbers():
                raise Broken
            self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def numbers(self) -> list[int]:
        return [value for (value,) in self.connection.execute("SELECT value FROM number ORDER BY value")]


@pytest.fixture
def database() -> Database:
    return Database()


def insert(connection: sqlite3.Connection, value: int) -> int:
    connection.execute("INSERT INTO number VALUES (?)", (value,))
    if value == 7:
        raise Refused
    return value


class Together:
    """Several changes, of which the first keeps the turn until all others wait for it."""

    def __init__(self, database: Database, values: list[int]) -> None:
        self._group = GroupCommit(database)
        self._values = values
        self._went_on = threading.Event()

    def outcomes(self) -> list[int | str]:
        with ThreadPoolExecutor(len(self._values) + 1) as pool:
            began = threading.Event()
            first = pool.submit(self._group.apply, lambda connection: self._wait(began))
            assert began.wait(LONGEST)
            others = [pool.submit(self._one, value) for value in self._values]
            wait_until(lambda: len(self._group._waiting) == len(self._values), what="all wait")
            self._went_on.set()
            first.result(10)
            return [other.result(10) for other in others]

    def _wait(self, began: threading.Event) -> None:
        began.set()
        assert self._went_on.wait(LONGEST)

    def _one(self, value: int) -> int | str:
        try:
            return self._group.apply(lambda connection: insert(connection, value))
        except PypitoolError as error:
            return type(error).__name__


def test_a_change_is_committed_when_it_returns(database: Database) -> None:
    assert GroupCommit(database).apply(lambda connection: insert(connection, 1)) == 1

    assert (database.numbers(), database.transactions) == ([1], 1)


def test_changes_that_gather_are_committed_at_once(database: Database) -> None:
    outcomes = Together(database, [1, 2, 3, 4]).outcomes()

    assert (outcomes, database.numbers()) == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert database.transactions == 2


def test_what_one_change_refuses_is_undone_for_itself(database: Database) -> None:
    outcomes = Together(database, [6, 7, 8]).outcomes()

    assert (outcomes, database.numbers()) == ([6, "Refused", 8], [6, 8])
    assert database.transactions == 2


def test_a_change_that_the_database_refuses_harms_no_other(database: Database) -> None:
    outcomes = Together(database, [12, 13, 14]).outcomes()

    assert (outcomes, database.numbers()) == ([12, "Broken", 14], [12, 14])


def test_a_change_that_fails_unforeseen_loses_no_other(database: Database) -> None:
    group = GroupCommit(database)

    with pytest.raises(ZeroDivisionError):
        group.apply(lambda connection: 1 // 0)

    assert group.apply(lambda connection: insert(connection, 2)) == 2
    assert database.numbers() == [2]
