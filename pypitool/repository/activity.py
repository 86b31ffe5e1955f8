"""`activity.sqlite`: what changes often and may be lost, shared by all workers.

Failed logins, so that several workers do not grant several times the tries; when tokens were used last; and
what may be used only once.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

from pypitool.catalogue.connections import Identity, identity
from pypitool.catalogue.database import locked_alone, open_expendable
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.thread_shares import counted_as

MINUTE = 60
# Longer than a token that has ended is listed, and longer than most tokens rest.
_FORGOTTEN_AFTER_MINUTES = 400 * 24 * 60
_MOST_REMEMBERED = 4096
# A burst of requests with many tokens is written at once.
_GATHERED_SECONDS = 0.5
FORGOTTEN_AFTER = 900.0  # seconds without a failure

# Wrong passwords that cost nothing, and the longest wait in seconds: for one user at one address, and for
# an address whatever the users. Not for a user alone: anybody could then keep that user out.
_FREE_FOR_PAIR, _LONGEST_FOR_PAIR = 5, 60.0
_FREE_FOR_ADDRESS, _LONGEST_FOR_ADDRESS = 50, 10.0
# A guess that is being verified counts like a wrong one: of any number at once no more are free. A worker
# that was killed meanwhile leaves its own behind.
_GUESS_TAKES_SECONDS, _GUESS_FORGOTTEN_AFTER = 1.0, 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS failure (
    who      BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last     REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS failure_last ON failure (last);
CREATE TABLE IF NOT EXISTS guess (
    who BLOB NOT NULL,
    at  REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS guess_who ON guess (who);
CREATE TABLE IF NOT EXISTS token_use (
    id     TEXT PRIMARY KEY,
    minute INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (
    name  BLOB PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS taken_until ON taken (until);
"""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class NotRemembered(PypitoolError):
    """Something that must be remembered cannot be, and so it must not be done."""

    kind = Kind.UNAVAILABLE
    sentence = "nothing can be remembered in {path} at this moment"
    path: Path


class Activity:
    """What happened lately; from any thread and process. A damaged or full disk costs no answer."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None

    def begin_guess(self, address: str, user: str) -> float:
        """Count a password that is about to be verified, or return for how many seconds that has to wait.

        Who begins one says how it ended: by `note_failure`, `note_success` or `drop_guess`.
        """
        now = self._clock()
        return self._try(lambda connection: _begin_guess(connection, _keys(address, user), now), 0.0)

    def drop_guess(self, address: str, user: str) -> None:
        self._try(lambda connection: _end_guess(connection, _keys(address, user)), None)

    def note_failure(self, address: str, user: str) -> None:
        now = self._clock()
        self._try(lambda connection: _count(connection, _keys(address, user), now), None)

    def note_success(self, address: str, user: str) -> None:
        """Forget the wrong passwords of this user at this address; those of the address stand."""
        self._try(lambda connection: _forgive(connection, _keys(address, user)), None)

    def delay(self, address: str, user: str) -> float:
        now = self._clock()
        return self._try(lambda connection: _longest_wait(connection, _keys(address, user), now), 0.0)

    def note_uses(self, minutes: Mapping[str, int]) -> None:
        now = self._clock()
        self._try(lambda connection: _note_uses(connection, minutes, now), None)

    def last_uses(self) -> dict[str, int]:
        """Return in which minute since 1970 each token was used last."""
        return self._try(_read_uses, {})

    def take(self, name: str, until: float) -> bool:
        """Say that something happens that may happen only once until a moment; False: it has happened.

        Raises `NotRemembered` where nobody can tell.
        """
        now = self._clock()
        taken = self._try(lambda connection: _take(connection, _digest(name), now, until), None)
        if taken is None:
            raise NotRemembered(self.path)
        return taken

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _try(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._lock:
            try:
                return self._again_if_damaged(action)
            except (sqlite3.Error, OSError) as error:
                # The passwords themselves are still verified, and that is slow enough.
                _log.warning("%s cannot be used: %s", self.path, error)
                return otherwise

    def _again_if_damaged(self, action: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return action(self._open())
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _log.warning("%s is damaged and made anew: %s", self.path, error)
            self._drop()
            return action(self._open(mend=True))

    def _open(self, *, mend: bool = False) -> sqlite3.Connection:
        if self._connection is None or identity(self.path) != self._identity:
            self._drop()
            with locked_alone(self.path):  # two processes that make the file at once would disturb each other
                settings = ("synchronous = OFF", "cache_size = -128")
                self._connection = open_expendable(self.path, _SCHEMA, settings, timeout=2, mend=mend)
                self._identity = identity(self.path)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _keys(address: str, user: str) -> tuple[bytes, bytes]:
    # Digests: names of any length and bytes, and a password typed as a user name stays unknown.
    counted = counted_as(address)
    return _digest(f"{counted}\0{user}"), _digest(counted)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def _count(connection: sqlite3.Connection, keys: tuple[bytes, bytes], now: float) -> None:
    with _together(connection):
        _end_guess(connection, keys)
        connection.execute("DELETE FROM failure WHERE last < ?", (now - FORGOTTEN_AFTER,))
        connection.executemany(
            "INSERT INTO failure VALUES (?, 1, ?) "
            "ON CONFLICT (who) DO UPDATE SET failures = failures + 1, last = excluded.last",
            [(key, now) for key in keys],
        )


def _forgive(connection: sqlite3.Connection, keys: tuple[bytes, bytes]) -> None:
    with _together(connection):
        _end_guess(connection, keys)
        connection.execute("DELETE FROM failure WHERE who = ?", (keys[0],))


def _begin_guess(connection: sqlite3.Connection, keys: tuple[bytes, bytes], now: float) -> float:
    with _together(connection):
        connection.execute("DELETE FROM guess WHERE at < ? OR at > ?", (now - _GUESS_FORGOTTEN_AFTER, now))
        seconds = _longest_wait(connection, keys, now)
        if seconds == 0:
            connection.executemany("INSERT INTO guess VALUES (?, ?)", [(key, now) for key in keys])
        return seconds


def _end_guess(connection: sqlite3.Connection, keys: tuple[bytes, bytes]) -> None:
    one = "DELETE FROM guess WHERE rowid = (SELECT min(rowid) FROM guess WHERE who = ?)"
    connection.executemany(one, [(key,) for key in keys])


@contextmanager
def _together(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def _longest_wait(connection: sqlite3.Connection, keys: tuple[bytes, bytes], now: float) -> float:
    pair, address = keys
    return max(
        _wait(connection, pair, now, free=_FREE_FOR_PAIR, longest=_LONGEST_FOR_PAIR),
        _wait(connection, address, now, free=_FREE_FOR_ADDRESS, longest=_LONGEST_FOR_ADDRESS),
    )


def _wait(connection: sqlite3.Connection, key: bytes, now: float, *, free: int, longest: float) -> float:
    row = connection.execute("SELECT failures, last FROM failure WHERE who = ?", (key,)).fetchone()
    failures, last = (0, now) if row is None or now - row[1] > FORGOTTEN_AFTER else row
    (begun,) = connection.execute("SELECT count(*) FROM guess WHERE who = ?", (key,)).fetchone()
    if failures < free:
        return _GUESS_TAKES_SECONDS if failures + begun >= free else 0.0
    whole = min(longest, 2.0 ** min(failures - free, 32))
    # A clock that was set back must not lengthen the wait.
    left = float(min(whole, max(0.0, last + whole - now)))
    return max(left, _GUESS_TAKES_SECONDS) if begun else left


def _note_uses(connection: sqlite3.Connection, minutes: Mapping[str, int], now: float) -> None:
    """Remember the last minutes; an earlier one than is known does not count."""
    connection.executemany(
        "INSERT INTO token_use VALUES (?, ?) "
        "ON CONFLICT (id) DO UPDATE SET minute = max(minute, excluded.minute)",
        sorted(minutes.items()),
    )
    connection.execute("DELETE FROM token_use WHERE minute < ?", (now // MINUTE - _FORGOTTEN_AFTER_MINUTES,))


def _read_uses(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last minute of each token."""
    return dict(connection.execute("SELECT id, minute FROM token_use").fetchall())


def _take(connection: sqlite3.Connection, name: bytes, now: float, until: float) -> bool:
    """Take a name until a moment, and tell whether it was free."""
    connection.execute("DELETE FROM taken WHERE until < ?", (now,))
    changed = connection.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (name, until))
    return changed.rowcount == 1


class TokenUseStore(Protocol):
    """Where last uses are kept."""

    def note_uses(self, minutes: Mapping[str, int]) -> None:
        """Remember in which minute since 1970 tokens were used last, by their ids."""


class LastUses:
    """Notes the use of tokens in memory; a thread writes it, for each token at most once a minute."""

    def __init__(
        self,
        activity: TokenUseStore,
        *,
        clock: Callable[[], float] = time.time,
        gathered: float = _GATHERED_SECONDS,
    ) -> None:
        self._activity = activity
        self._clock = clock
        self._gathered = gathered
        self._noted = lru_cache(_MOST_REMEMBERED)(self._note_anew)
        self._unwritten: dict[str, int] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, token_id: str) -> None:
        """Note that a token is used now; costs a look into a cache, but for the first of each minute."""
        self._noted(token_id, int(self._clock()) // MINUTE)

    def flush(self) -> None:
        """Write what is not written yet."""
        with self._lock:
            unwritten, self._unwritten = self._unwritten, {}
        if unwritten:
            self._activity.note_uses(unwritten)

    def close(self) -> None:
        """Write the rest; what is noted from now on is not written."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _note_anew(self, token_id: str, minute: int) -> None:
        with self._lock:
            self._unwritten[token_id] = minute
            # Not before there is something to write: a fork would have left the thread behind.
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="token uses", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(self._gathered)
            self.flush()
