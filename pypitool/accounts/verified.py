"""Which credentials were verified a moment ago, without keeping them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from pypitool.accounts.table import Table

KEPT_SECONDS = 300.0
KEPT_REFUSALS_SECONDS = 60.0
MOST = 4096


@dataclass(slots=True)
class Remembered:
    """A verdict over credentials: `user` is None when they were wrong."""

    user: str | None
    stored: str | None  # the hash that it was verified against
    table: Table
    expires: float


class Verified:
    """Remember verdicts under a keyed hash of the credentials, until the user's entry changes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # The key dies with the process: a memory dump cannot be searched for known credentials.
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._accepted: dict[bytes, Remembered] = {}
        # Apart, so that guesses cannot push out those who work.
        self._refused: dict[bytes, Remembered] = {}
        self._making_room = threading.Lock()

    def recall(self, credentials: str, table: Table) -> Remembered | None:
        """Return the verdict over these credentials, if it still holds for this table."""
        key = self._digest(credentials)
        found = self._accepted.get(key) or self._refused.get(key)
        if found is None:
            return None
        if found.expires > self._clock():
            if found.table is table:
                return found
            if found.user is not None and table.hashes.get(found.user) == found.stored:
                found.table = table
                return found
        self._accepted.pop(key, None)
        self._refused.pop(key, None)
        return None

    def accept(self, credentials: str, user: str, table: Table, *, seconds: float = KEPT_SECONDS) -> None:
        """Remember that these credentials are those of `user`, as the table has them."""
        verdict = Remembered(user, table.hashes.get(user), table, self._clock() + seconds)
        self._keep(self._accepted, credentials, verdict)

    def refuse(self, credentials: str, table: Table) -> None:
        """Remember that these credentials are wrong as long as the file stays as it is."""
        expires = self._clock() + KEPT_REFUSALS_SECONDS
        self._keep(self._refused, credentials, Remembered(None, None, table, expires))

    def _keep(self, kept: dict[bytes, Remembered], credentials: str, verdict: Remembered) -> None:
        with self._making_room:
            while len(kept) >= MOST:
                del kept[next(iter(kept))]
            kept[self._digest(credentials)] = verdict

    def _digest(self, credentials: str) -> bytes:
        return blake2b(credentials.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
