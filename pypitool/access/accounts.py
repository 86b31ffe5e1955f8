"""Accounts: who somebody is, verified at the same cost for users that exist and users that do not.

They are kept in an htpasswd file, or elsewhere, and then a callable says who is who. Which credentials were
verified a moment ago is remembered, without keeping them.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pypitool.access.hashes import PasswordHashes
from pypitool.access.htpasswd import PasswordFile, PasswordTable
from pypitool.access.password_errors import PasswordsBusy, VerificationFailed

# A bcrypt check takes a core for up to a third of a second: half of the cores stay with the pages.
LONGEST_WAIT_SECONDS = 2.0
HASHING_NICENESS = 10
# It cannot tell us that somebody was removed, so nobody is believed for long without asking again.
CALLABLE_KEPT_SECONDS = 60.0

KEPT_SECONDS = 300.0
KEPT_REFUSALS_SECONDS = 60.0
MOST = 4096


def _nothing() -> None:
    """Let them be verified."""


@dataclass(frozen=True, slots=True)
class BasicLogin:
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
        self._verified = RecentVerdicts(clock)
        at_once = parallel or max(1, (os.cpu_count() or 1) // 2)
        self._slots = threading.Semaphore(at_once)
        # Threads of their own, because the priority of a thread can be lowered and never raised again.
        self._hashing = ThreadPoolExecutor(at_once, "passwords", _yield_to_pages)
        self._turns = _Turns()

    def recall(self, header: str) -> RememberedVerdict | None:
        """Return what is known of this Authorization header, without hashing a password."""
        return self._verified.recall(header, self._file.current())

    def admit(self, credentials: BasicLogin, begin: Callable[[], None] = _nothing) -> bool:
        """Verify credentials and remember the verdict; wait while others are being verified.

        `begin` is called when it is their turn, and may refuse by raising.
        """
        with self._turns.taken(credentials.header), self._slot():
            # The first of fifty parallel requests with one password hashes it, the others find it here.
            known = self.recall(credentials.header)
            if known is not None:
                return known.user is not None
            begin()
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

    def _matches(self, table: PasswordTable, user: str, password: str) -> bool:
        stored = table.hashes.get(user)
        matches = self._hashing.submit(self._hashes.matches, password, stored or _decoy(table, user)).result()
        return matches and stored is not None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise PasswordsBusy
        try:
            yield
        finally:
            self._slots.release()


def _yield_to_pages() -> None:
    """Let this thread run when no page wants the processor."""
    with suppress(OSError, AttributeError):  # not Linux, where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


def _decoy(table: PasswordTable, user: str) -> str:
    """Choose an entry to hash an unknown user's password against: always the same one for a name.

    A constant of ours would be slower or faster than the hashes of the file, and tell who exists.
    """
    if not table.hashes:
        return ""
    number = int.from_bytes(blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return list(table.hashes.values())[number % len(table.hashes)]


class CallableAccounts:
    """Ask `verify(user, password)`, and ask it rarely: a single install makes hundreds of requests."""

    def __init__(
        self, verify: Callable[[str, str], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verify = verify
        self._turns = _Turns()
        self._verified = RecentVerdicts(clock)
        self._table = PasswordTable()

    def recall(self, header: str) -> RememberedVerdict | None:
        """Return what is known of this Authorization header, without asking."""
        return self._verified.recall(header, self._table)

    def admit(self, credentials: BasicLogin, begin: Callable[[], None] = _nothing) -> bool:
        """Ask whether these credentials are right, and remember a yes; `begin` as for `Accounts`."""
        with self._turns.taken(credentials.header):
            known = self.recall(credentials.header)
            return self._asked(credentials, begin) if known is None else known.user is not None

    def _asked(self, credentials: BasicLogin, begin: Callable[[], None]) -> bool:
        begin()
        try:
            right = bool(self._verify(credentials.user, credentials.password))
        except Exception as error:  # foreign code, with a network behind it perhaps: it may raise anything
            raise VerificationFailed from error
        if right:
            self._verified.accept(
                credentials.header, credentials.user, self._table, seconds=CALLABLE_KEPT_SECONDS
            )
        return right

    def knows(self, user: str) -> bool:
        """Say yes: nobody can be asked about without a password."""
        return True


class _Turns:
    """Lets requests with the same credentials go one after another: the others find what the first learnt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def taken(self, header: str) -> Iterator[None]:
        """Hold the turn of these credentials; raise `PasswordsBusy` where that takes too long."""
        turn = self._join(header, 1)
        try:
            if not turn.acquire(timeout=LONGEST_WAIT_SECONDS):
                raise PasswordsBusy
            try:
                yield
            finally:
                turn.release()
        finally:
            self._join(header, -1)

    def _join(self, header: str, more: int) -> threading.Lock:
        with self._lock:
            turn, count = self._waiting.pop(header, (threading.Lock(), 0))
            if count + more:
                self._waiting[header] = turn, count + more
            return turn


@dataclass(slots=True)
class RememberedVerdict:
    """A verdict over credentials: `user` is None when they were wrong."""

    user: str | None
    stored: str | None  # the hash that it was verified against
    table: PasswordTable
    expires: float


class RecentVerdicts:
    """Remember verdicts under a keyed hash of the credentials, until the user's entry changes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # The key dies with the process: a memory dump cannot be searched for known credentials.
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._accepted: dict[bytes, RememberedVerdict] = {}
        # Apart, so that guesses cannot push out those who work.
        self._refused: dict[bytes, RememberedVerdict] = {}
        self._making_room = threading.Lock()

    def recall(self, credentials: str, table: PasswordTable) -> RememberedVerdict | None:
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

    def accept(
        self, credentials: str, user: str, table: PasswordTable, *, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remember that these credentials are those of `user`, as the table has them."""
        verdict = RememberedVerdict(user, table.hashes.get(user), table, self._clock() + seconds)
        self._keep(self._accepted, credentials, verdict)

    def refuse(self, credentials: str, table: PasswordTable) -> None:
        """Remember that these credentials are wrong as long as the file stays as it is."""
        expires = self._clock() + KEPT_REFUSALS_SECONDS
        self._keep(self._refused, credentials, RememberedVerdict(None, None, table, expires))

    def _keep(
        self, kept: dict[bytes, RememberedVerdict], credentials: str, verdict: RememberedVerdict
    ) -> None:
        with self._making_room:
            while len(kept) >= MOST:
                del kept[next(iter(kept))]
            kept[self._digest(credentials)] = verdict

    def _digest(self, credentials: str) -> bytes:
        return blake2b(credentials.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
