"""Answers in bounded memory, dropped by what they depend on; reading one takes no lock."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

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
