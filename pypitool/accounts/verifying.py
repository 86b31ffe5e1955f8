"""Verify who somebody is, at the same cost for users that exist and users that do not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pypitool.accounts.errors import PasswordsBusy
from pypitool.accounts.hashes import PasswordHashes
from pypitool.accounts.password_file import PasswordFile
from pypitool.accounts.table import Table
from pypitool.accounts.verified import Remembered, Verified

# A bcrypt check takes a core for up to a third of a second: half of the cores stay with the pages.
LONGEST_WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password, and the header that carried them."""

    header: str
    user: str
    password: str


class Accounts:
    """The users of one htpasswd file, verified with bounded effort."""

    def __init__(
        self,
        path: Path,
        *,
        hashes: PasswordHashes | None = None,
        clock: Callable[[], float] = time.monotonic,
        parallel: int | None = None,
    ) -> None:
        self._hashes = hashes or PasswordHashes()
        self._file = PasswordFile(path, self._hashes)
        self._verified = Verified(clock)
        self._slots = threading.Semaphore(parallel or max(1, (os.cpu_count() or 1) // 2))

    def recall(self, header: str) -> Remembered | None:
        """Return what is known of this Authorization header, without hashing a password."""
        return self._verified.recall(header, self._file.current())

    def admit(self, credentials: Credentials) -> bool:
        """Verify credentials and remember the verdict; wait while others are being verified."""
        with self._slot():
            # The first of fifty parallel requests with one password hashes it, the others find it here.
            known = self.recall(credentials.header)
            if known is not None:
                return known.user is not None
            table = self._file.current()
            if not self._matches(table, credentials.user, credentials.password):
                self._verified.refuse(credentials.header, table)
                return False
            self._verified.accept(credentials.header, credentials.user, table)
            return True

    def verify(self, user: str, password: str) -> bool:
        """Say whether this is the user's password now."""
        with self._slot():
            return self._matches(self._file.current(), user, password)

    def knows(self, user: str) -> bool:
        """Say whether there is such a user now."""
        return user in self._file.current().hashes

    def _matches(self, table: Table, user: str, password: str) -> bool:
        stored = table.hashes.get(user)
        matches = self._hashes.matches(password, stored or _decoy(table, user))
        return matches and stored is not None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise PasswordsBusy
        try:
            yield
        finally:
            self._slots.release()


def _decoy(table: Table, user: str) -> str:
    """Choose an entry to hash an unknown user's password against: always the same one for a name.

    A constant of ours would be slower or faster than the hashes of the file, and tell who exists.
    """
    if not table.hashes:
        return ""
    number = int.from_bytes(blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return list(table.hashes.values())[number % len(table.hashes)]
