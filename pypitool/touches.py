"""What may have changed since somebody last looked: collected by one thread, taken by another."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from pypitool.core.model import Location

# Beyond so many, a walk of everything costs less than a look at each.
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Touched:
    """Places to be looked at; `everything` when too much happened, or events were lost."""

    files: frozenset[Location] = frozenset()
    folders: frozenset[Location] = frozenset()
    everything: bool = False


class Touches:
    """A bounded set of places."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._begin()

    def file(self, location: Location) -> None:
        """Note a file that came, went or changed."""
        with self._ready:
            self._files.add(location)
            self._noted()

    def folder(self, location: Location) -> None:
        """Note a folder that came or went, with all that is in it."""
        with self._ready:
            self._folders.add(location)
            self._noted()

    def everything(self) -> None:
        """Note that nobody knows what changed."""
        with self._ready:
            self._everything = True
            self._noted()

    def wait(self, seconds: float) -> bool:
        """Wait until something was noted, for at most this long, and tell whether there was."""
        with self._ready:
            return self._ready.wait_for(lambda: self._since is not None, seconds)

    def take(self) -> Touched:
        """Return what was noted, and forget it."""
        with self._ready:
            touched = Touched(frozenset(self._files), _topmost(self._folders), self._everything)
            self._begin()
            return touched

    @property
    def lag(self) -> float:
        """For how many seconds the oldest note has been waiting."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def _begin(self) -> None:
        self._files: set[Location] = set()
        self._folders: set[Location] = set()
        self._everything = False
        self._since: float | None = None

    def _noted(self) -> None:
        if len(self._files) + len(self._folders) > _MOST:
            self._files.clear()
            self._folders.clear()
            self._everything = True
        if self._since is None:
            self._since = time.monotonic()
        self._ready.notify_all()


def _topmost(folders: set[Location]) -> frozenset[Location]:
    """Leave out folders that lie in other ones."""
    kept: list[Location] = []
    for folder in sorted(folders, key=lambda one: (one.root, one.path + "/")):
        last = kept[-1] if kept else None
        if last is None or last.root != folder.root or not f"{folder.path}/".startswith(f"{last.path}/"):
            kept.append(folder)
    return frozenset(kept)
