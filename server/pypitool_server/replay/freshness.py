"""Freshness: what a worker knows of the catalogue's last change, for less than a microsecond a request."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from typing import Protocol

from pypitool.core.model import Changes

# What an answer may depend on, beside the names of projects (which never hold an asterisk).
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
    return frozenset(changes.projects) | {EVERYTHING} | ({RIGHTS} if changes.rights else set())
