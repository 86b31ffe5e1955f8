"""When tokens were used last, and what may be used only once: tables of `activity.sqlite`, and the memory in
front of them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

SCHEMA = """
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

MINUTE = 60
# Longer than a token that has ended is listed, and longer than most tokens rest.
_FORGOTTEN_AFTER_MINUTES = 400 * 24 * 60
_MOST_REMEMBERED = 4096
# A burst of requests with many tokens is written at once.
_GATHERED_SECONDS = 0.5


class Remembering(Protocol):
    """Where last uses are kept."""

    def note_uses(self, minutes: Mapping[str, int]) -> None:
        """Remember in which minute since 1970 tokens were used last, by their ids."""


class LastUses:
    """Notes the use of tokens in memory; a thread writes it, for each token at most once a minute."""

    def __init__(
        self,
        activity: Remembering,
        *,
        clock: Callable[[], float] = time.time,
        gathered: float = _GATHERED_SECONDS,
    ) -> None:
        self._activity = activity
        self._clock = clock
        self._gathered = gathered
        self._known: dict[str, int] = {}
        self._unwritten: dict[str, int] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, token_id: str) -> None:
        """Note that a token is used now; costs a look into a dictionary, but for the first of each minute."""
        minute = int(self._clock()) // MINUTE
        if self._known.get(token_id) != minute:
            self._note_anew(token_id, minute)

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
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[token_id] = self._unwritten[token_id] = minute
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


def note(connection: sqlite3.Connection, minutes: Mapping[str, int], now: float) -> None:
    """Remember the last minutes; an earlier one than is known does not count."""
    connection.executemany(
        "INSERT INTO token_use VALUES (?, ?) "
        "ON CONFLICT (id) DO UPDATE SET minute = max(minute, excluded.minute)",
        sorted(minutes.items()),
    )
    connection.execute("DELETE FROM token_use WHERE minute < ?", (now // MINUTE - _FORGOTTEN_AFTER_MINUTES,))


def read(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last minute of each token."""
    return dict(connection.execute("SELECT id, minute FROM token_use").fetchall())


def take(connection: sqlite3.Connection, name: bytes, now: float, until: float) -> bool:
    """Take a name until a moment, and tell whether it was free."""
    connection.execute("DELETE FROM taken WHERE until < ?", (now,))
    changed = connection.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (name, until))
    return changed.rowcount == 1
