"""Looking at the times of folders: what is left where they cannot be watched.

A folder's time changes when a name in it comes or goes. That costs 20 ms for 10,000 folders; a file that is
rewritten in place waits for the next walk of everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pypitool.core.model import Location


class Glance:
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
