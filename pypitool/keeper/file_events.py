"""Events of the file system, as a hint where to look: they may be late, doubled, or missing.

One thread collects in `ChangedPaths` what they tell, another one takes it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from pypitool.core.filenames import SIGNATURE
from pypitool.core.model import Location
from pypitool.store.opened import is_hidden

# Named, because the default has every opening and reading reported too, our own among them: watchdog 7.1
# then never settles at 5,000 directories.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,  # after it was open for writing
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
_BURST_SECONDS = 2.0
_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
_USUAL_QUEUE = 16384
# Beyond so many, a walk of everything costs less than a look at each.
_MOST = 2000


class FolderWatcher:
    """Watches directories and what is below them, as far as the system lets it."""

    def __init__(self, roots: Sequence[Path], changes: ChangedPaths) -> None:
        self._roots = tuple(roots)
        self._changes = changes
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Begin to watch; where that is not possible (a limit, a missing directory), `is_whole` tells."""
        # A burst that may have overflowed the kernel's queue: watchdog does not tell its handlers.
        burst = _queue_length() // 2
        try:
            self._observer = Observer()
            self._observer.start()
        except OSError:  # this user has as many inotify instances as the system allows
            return
        for number, root in enumerate(self._roots):
            handler = _Handler(number, root, self._changes, burst)
            with contextlib.suppress(OSError):
                self._observer.schedule(handler, str(root), recursive=True, event_filter=_EVENTS)

    def stop(self) -> None:
        """Stop watching."""
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()

    def is_whole(self) -> bool:
        """Tell whether every folder is watched. Costs a walk over the folders."""
        observer = self._observer
        if observer is None or not all(one.is_alive() for one in (observer, *observer.emitters)):
            return False
        return _watches() >= sum(map(count_folders, self._roots))


class _Handler(FileSystemEventHandler):
    def __init__(self, number: int, root: Path, changes: ChangedPaths, burst: int) -> None:
        self._number = number
        self._root = str(root)
        self._changes = changes
        self._burst = burst
        self._seen, self._since = 0, 0.0

    def dispatch(self, event: FileSystemEvent) -> None:
        self._count()
        for path in self._below_root(event):
            if event.is_directory:
                self._changes.folder(Location(self._number, path))
            else:
                self._changes.file(Location(self._number, path.removesuffix(SIGNATURE)))

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._since > _BURST_SECONDS:
            self._seen, self._since = 0, now
        self._seen += 1
        if self._seen == self._burst:
            self._changes.everything()

    def _below_root(self, event: FileSystemEvent) -> Iterator[str]:
        for path in (event.src_path, event.dest_path):
            text = os.fsdecode(path)
            if text == self._root:
                self._changes.everything()
            elif text.startswith(f"{self._root}/") and not is_hidden(below := text[len(self._root) + 1 :]):
                yield below


def count_folders(root: Path) -> int:
    """Count the folders below a directory and itself, the hidden ones too: they are watched as well."""
    left, count = [str(root)], 0
    while left:
        count += 1
        try:
            with os.scandir(left.pop()) as entries:
                left.extend(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            continue
    return count


def _watches() -> float:
    """Count the watches that the kernel keeps for this process."""
    # watchdog 6.0 gives up at the limit and 7.1 goes on without a word: both are seen here.
    try:
        return sum(map(_watches_of, os.listdir("/proc/self/fd")))
    except FileNotFoundError:
        return float("inf")  # not Linux: nothing is known of a limit


def _watches_of(descriptor: str) -> int:
    try:
        if os.readlink(f"/proc/self/fd/{descriptor}") != "anon_inode:inotify":
            return 0
        return Path(f"/proc/self/fdinfo/{descriptor}").read_text().count("inotify wd:")
    except OSError:
        return 0


def _queue_length() -> int:
    try:
        return int(_QUEUE.read_text())
    except (OSError, ValueError):
        return _USUAL_QUEUE


@dataclass(frozen=True, slots=True)
class TakenPaths:
    """Places to be looked at; `everything` when too much happened, or events were lost."""

    files: frozenset[Location] = frozenset()
    folders: frozenset[Location] = frozenset()
    everything: bool = False


class ChangedPaths:
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

    def take(self) -> TakenPaths:
        """Return what was noted, and forget it."""
        with self._ready:
            taken = TakenPaths(frozenset(self._files), _topmost(self._folders), self._everything)
            self._begin()
            return taken

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
