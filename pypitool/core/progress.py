"""Progress of a run and of its files: a live view on a terminal sees it, or nobody does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

ReadProgress = Callable[[int, int], None]  # files read so far, files to read


def ignore_progress(_done: int, _total: int) -> None:
    """Tell nobody how many files were read."""


class Phase:
    """A part of a run in which no file moves, as the reading of pages; doing nothing is the default."""

    def step(self) -> None:
        """One more of what it does is done; from any thread."""

    def at(self, done: int, total: int) -> None:
        """So many of so many are done."""


class TransferProgress:
    """Hears how far a run and its files are, from any thread; doing nothing is the default."""

    is_live: ClassVar[bool] = False  # files are seen on their way: no need to say it again of each

    def aside(self) -> AbstractContextManager[None]:
        """Give way while something is printed."""
        return nullcontext()

    def during(self, what: str, total: int | None = None) -> AbstractContextManager[Phase]:
        """Show that something takes its time, while the block runs; `total`: how many steps it has."""
        return nullcontext(Phase())

    def announced(self, size: int) -> None:
        """Files of this size together are to come, or to be sent."""

    def started(self, name: str, size: int | None) -> None:
        """A file begins, perhaps once more: then what moved before does not count."""

    def moved(self, name: str, count: int) -> None:
        """Some bytes of it have arrived, or left."""

    def ended(self, name: str) -> None:
        """It is dealt with."""

    def delayed(self, text: str) -> None:
        """Something is tried again after a while: what, why, and when."""
