"""What tells of changes between two walks: events where folders can be watched, their times where not.

A folder's time changes when a name in it comes or goes. To look at 10,000 folders costs 20 ms; a file that is
rewritten in place waits for the next walk of everything.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from pypitool.core.model import Location
from pypitool.keeper.file_events import ChangedPaths

_LOOK_EVERY = 1.0
# However slow the disk is, looking at folders takes at most a twentieth of the time.
_LOOK_SHARE = 20.0
# A folder that was moved in is not watched by watchdog 6.0 until the watches are made anew.
_MEND_AFTER = 1.0

_log = logging.getLogger(__name__)


class EventSource(Protocol):
    """What reports events into `ChangedPaths`; see `file_events.FolderWatcher`."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""

    def is_whole(self) -> bool:
        """Tell whether every folder is watched."""


def _watcher(roots: Sequence[Path], changes: ChangedPaths) -> EventSource:
    # Imported by whoever keeps, and not by those who only ask the library something.
    from pypitool.keeper.file_events import FolderWatcher

    return FolderWatcher(roots, changes)


class ChangeWatcher:
    """Fills `changes` with the places where something may have changed."""

    def __init__(
        self,
        roots: Sequence[Path],
        changes: ChangedPaths,
        watcher: Callable[[Sequence[Path], ChangedPaths], EventSource] = _watcher,
    ) -> None:
        self._changes = changes
        self._watcher = watcher(roots, changes)
        self._times: FolderTimes | None = None
        self._roots = tuple(roots)
        self._times_due = 0.0
        self._mend_due: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every folder is watched, as far as we know."""
        return self._times is None

    def start(self) -> None:
        """Begin to watch; before the first walk, so that nothing falls between the two."""
        self._watcher.start()
        if not self._watcher.is_whole():
            self._degrade()

    def stop(self) -> None:
        self._watcher.stop()

    def before_walk(self) -> None:
        """Make the watches anew where some are missing: the walk finds what happened meanwhile."""
        if self._times is not None:
            self._times.remember()
        elif not self._watcher.is_whole():
            self._watcher.stop()
            self._watcher.start()
            if not self._watcher.is_whole():
                self._degrade()

    def folders_came(self) -> None:
        """Note that folders came in, which may not be watched yet."""
        if self._mend_due is None:
            self._mend_due = time.monotonic() + _MEND_AFTER

    def turn(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        if self._mend_due is not None and now >= self._mend_due:
            self._mend_due = None
            if self._times is None and not self._watcher.is_whole():
                self._changes.everything()
        if self._times is not None and now >= self._times_due:
            for folder in self._times.changed():
                self._changes.folder(folder)
            ended = time.monotonic()
            self._times_due = ended + max(_LOOK_EVERY, _LOOK_SHARE * (ended - now))

    def _degrade(self) -> None:
        _log.warning(
            "not every folder can be watched: they are looked at every second instead, and files that are "
            "rewritten in place wait for the next walk (raise fs.inotify.max_user_watches)"
        )
        self._times = FolderTimes(self._roots)
        self._times.remember()


class FolderTimes:
    """Remembers the times of all folders."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(map(str, roots))
        self._times: dict[str, tuple[int, int]] = {}  # root and time, by path

    def remember(self) -> None:
        """Begin anew with the folders that are there now."""
        self._times = {
            path: (number, time) for number, root in enumerate(self._roots) for path, time in _folders(root)
        }

    def changed(self) -> list[Location]:
        """Return the folders where something came or went since the last look."""
        found = []
        for path, (number, before) in list(self._times.items()):
            now = _time(path)
            if now == before:
                continue
            if now is None:
                del self._times[path]
            else:
                self._times.update((inner, (number, time)) for inner, time in _folders(path))
            found.append(Location(number, path[len(self._roots[number]) :].lstrip("/")))
        return found


def _folders(top: str) -> Iterator[tuple[str, int]]:
    left = [top]
    while left:
        path = left.pop()
        # The time before the listing: what comes in between is found by the next look.
        time = _time(path)
        if time is None:
            continue
        yield path, time
        try:
            with os.scandir(path) as entries:
                left.extend(
                    entry.path
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                )
        except OSError:
            continue


def _time(path: str) -> int | None:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return None
