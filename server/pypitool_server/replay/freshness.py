"""What a worker knows about the catalogue's last change, for less than a microsecond a request.

Answers in bounded memory, dropped by what they depend on; reading one takes no lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pypitool.core.model import Changes

# What an answer may depend on, beside the names of projects (which never hold an asterisk).
ALL_NAMES = "*names"
EVERYTHING = "*all"
RIGHTS = "*rights"  # who owns what

# An answer that took longer than this many changes is not kept: nobody remembers what changed meanwhile.
REMEMBERED_CHANGES = 1024


class Changing(Protocol):
    """What of `catalogue.Reader` tells that something changed."""

    def stamp(self) -> object:
        """Return a token; another one than this process saw last means that something may have changed."""

    def serial(self) -> int:
        """Return the number of the last change."""

    def changes_since(self, serial: int) -> Changes:
        """Return what changed after `serial`."""


class Droppable(Protocol):
    """A cache that forgets what depends on changed names."""

    def drop(self, names: Collection[str]) -> None:
        """Forget every value that depends on one of `names`."""

    def clear(self) -> None:
        """Forget everything."""


class Freshness:
    """Follows a catalogue: `check` before an answer is replayed, `stands` before one is kept."""

    def __init__(self, catalogue: Changing) -> None:
        self._catalogue = catalogue
        self._serial = catalogue.serial()
        # Moments and not serials: a catalogue that was restored may count from a lower serial again.
        self._moment = 0
        self._oldest = 0
        self._recent: deque[tuple[int, frozenset[str]]] = deque(maxlen=REMEMBERED_CHANGES)
        self._caches: list[Droppable] = []
        self._stamp: object = None
        self._lock = threading.Lock()

    def follow(self, cache: Droppable) -> None:
        """Drop from `cache` from now on."""
        self._caches.append(cache)

    def check(self) -> int:
        """Drop what changed since this worker last looked; return the ticket of this moment."""
        stamp = self._catalogue.stamp()
        if stamp != self._stamp:
            self._look(stamp)
        return self._moment

    @property
    def ticket(self) -> int:
        """This moment, to be handed to `stands`: take it before the catalogue is read."""
        return self._moment

    def stands(self, ticket: int, dependencies: Collection[str]) -> bool:
        """Tell whether nothing of `dependencies` is known to have changed since `ticket` was taken."""
        if ticket == self._moment:
            return True
        if ticket < self._oldest:
            return False
        return not any(
            moment > ticket and not names.isdisjoint(dependencies) for moment, names in tuple(self._recent)
        )

    def _look(self, stamp: object) -> None:
        with self._lock:
            if stamp == self._stamp:
                return  # another thread has looked while this one waited
            changes = self._catalogue.changes_since(self._serial)
            if changes.everything:
                self._start_again()
            elif changes.serial != self._serial:
                self._announce(changes)
            self._serial = changes.serial
            # Last, when the caches have dropped what changed; and the stamp from before the look, so that
            # a commit in between makes the next request look once more.
            self._stamp = stamp

    def _announce(self, changes: Changes) -> None:
        names = _dependencies(changes)
        if len(self._recent) == REMEMBERED_CHANGES:
            self._oldest = self._recent[0][0]
        # Remembered first and dropped second, see `BoundedCache.put`.
        self._recent.append((self._moment + 1, names))
        self._moment += 1
        for cache in self._caches:
            cache.drop(names)

    def _start_again(self) -> None:
        self._oldest = self._moment + 1
        self._recent.clear()
        self._moment += 1
        for cache in self._caches:
            cache.clear()


def _dependencies(changes: Changes) -> frozenset[str]:
    lists = {EVERYTHING} | ({ALL_NAMES} if changes.names else set()) | ({RIGHTS} if changes.rights else set())
    return frozenset(changes.projects) | lists


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# What a key, its entry, its headers and their places in the tables cost beside the bytes (1,700 measured).
ENTRY_OVERHEAD = 1700
# One answer never pushes out more than this part of the others.
LARGEST_SHARE = 8

# `stands(ticket, dependencies)`: nothing of these changed since the ticket was taken.
Stands = Callable[[int, Collection[str]], bool]


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    size: int
    dependencies: Collection[str]
    used: bool = False


class BoundedCache(Generic[Key, Value]):
    """A cache with second-chance eviction: an entry that was read since the last round stays."""

    def __init__(self, capacity: int, stands: Stands) -> None:
        self._capacity = capacity
        self._stands = stands
        self._size = 0
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._dependents: dict[str, set[Key]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return what is kept under `key`, and remember that it was wanted."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used = True
        return entry.value

    def put(self, key: Key, value: Value, *, size: int, dependencies: Collection[str], ticket: int) -> bool:
        """Keep a value that was computed after `ticket` was taken, unless what it says changed since."""
        cost = size + ENTRY_OVERHEAD
        if cost * LARGEST_SHARE > self._capacity:
            return False
        with self._lock:
            # Under the lock of `drop`: a change is announced before it drops, so it is seen here or there.
            if not self._stands(ticket, dependencies):
                return False
            self._remove(key)
            self._entries[key] = _Entry(value, cost, dependencies)
            self._size += cost
            for name in dependencies:
                self._dependents.setdefault(name, set()).add(key)
            self._shrink()
        return True

    def drop(self, names: Collection[str]) -> None:
        """Forget every value that depends on one of `names`."""
        with self._lock:
            for name in names:
                for key in tuple(self._dependents.get(name, ())):
                    self._remove(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._dependents.clear()
            self._size = 0

    @property
    def size(self) -> int:
        """The bytes that are accounted for."""
        return self._size

    def __len__(self) -> int:
        return len(self._entries)

    def _shrink(self) -> None:
        while self._size > self._capacity:
            key, entry = next(iter(self._entries.items()))
            if entry.used:
                entry.used = False
                self._entries.move_to_end(key)
            else:
                self._remove(key)

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._size -= entry.size
        for name in entry.dependencies:
            dependents = self._dependents[name]
            dependents.discard(key)
            if not dependents:
                del self._dependents[name]
