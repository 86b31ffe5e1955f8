"""Where package files lie, as a seam: directories today, a bucket later. One suite runs over each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pypitool.core.model import FileStat, Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.opened import Opened
from pypitool.store.temporary import Leftover, TemporaryFile


class Store(Protocol):
    """Package files by location. Names that begin with a dot, and what leads outside, do not exist here.

    What goes wrong is an error of `store.failures`.
    """

    def walk(self, root: int, below: str = "") -> Iterator[Walked | Unreadable]:
        """Iterate, in order of path, over the files of one root, or below one folder of it."""

    def look(self, location: Location) -> Walked | Unreadable | None:
        """Return what a walk would say of this one location; None: nothing."""

    def open(self, location: Location) -> Opened:
        """Open a file to read; raise `NoSuchFile` when a walk would not have met it, or `NotReadable`."""

    def temporary(self, root: int = 0, folder: str = "") -> TemporaryFile:
        """Create a hidden file that can be placed in this folder; it vanishes unless it is placed."""

    def adopt(self, source: Path, root: int = 0, folder: str = "") -> TemporaryFile:
        """Take a whole file of this machine as a temporary file; it is moved, and vanishes unless placed."""

    def place(self, temporary: TemporaryFile, location: Location, *, overwrite: bool = False) -> FileStat:
        """Give a sealed temporary file its name, for good when this returns; raise `Occupied`."""

    def remove(self, location: Location) -> bool:
        """Remove a file for good, and tell whether there was one."""

    def check_removable(self, location: Location) -> None:
        """Raise `NotWritable` when `remove` would."""

    def sweep(self, root: int, folder: str = "") -> tuple[str, ...]:
        """Remove the temporary files of writers that are gone from a folder, and return their names."""

    def take_over(self, temporary: str, location: Location) -> Leftover | None:
        """Lock what the writer left that was to give this temporary file its name; None: it lives."""

    def free(self, root: int = 0) -> int:
        """Return how many bytes can be written."""
