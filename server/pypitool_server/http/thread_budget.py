"""The budget of threads: who lets a thread wait for somebody else takes a place of a pool first."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import ClassVar

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.thread_shares import Work, counted_as, divided, has_room


class PoolFull(PypitoolError):
    """A pool has no place for this address; those who are inside are being served, so there will be one."""

    kind = Kind.UNAVAILABLE
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}
    sentence = "too many {what} at once"
    what: str


class PoolPlace:
    """One place in a pool, until it is given back; a second time does nothing."""

    def __init__(self, pool: Pool, holder: str) -> None:
        self._pool: Pool | None = pool
        self._holder = holder

    def give(self) -> None:
        """Give the place back."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.give(self._holder)

    def __enter__(self) -> PoolPlace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give()


class Pool:
    """The places for one kind of work, and which addresses hold how many."""

    def __init__(self, work: Work, places: int) -> None:
        self.places = places
        self._work = work
        self._taken = 0
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, address: str) -> PoolPlace:
        """Take a place for who asks from this address; raise `PoolFull` when there is none for it."""
        holder = counted_as(address)
        with self._lock:
            held = self._held.get(holder, 0)
            if not has_room(self.places, self._taken, held):
                raise PoolFull(self._work.value)
            self._taken += 1
            self._held[holder] = held + 1
        return PoolPlace(self, holder)

    def give(self, holder: str) -> None:
        """Have a place back: `PoolPlace` calls it."""
        with self._lock:
            self._taken -= 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]


class ThreadBudget:
    """The pools of one worker, over its threads."""

    def __init__(self, threads: int) -> None:
        self.pools = {work: Pool(work, places) for work, places in divided(threads).items()}
        self.sending = self.pools[Work.SENDING]
        self.receiving = self.pools[Work.RECEIVING]
        # Bodies of XML, JSON and proofs, and what refused clients still send.
        self.small = self.pools[Work.SMALL]
        self.passwords = self.pools[Work.PASSWORDS]
        self.upstreams = self.pools[Work.UPSTREAMS]
