"""Progress of files that are read, fetched or sent: a terminal's live view sees it, or nobody does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

ReadProgress = Callable[[int, int], None]  # files read so far, files to read


def ignore_progress(_done: int, _total: int) -> None:
    """Tell nobody how many files were read."""


class TransferProgress:
    """Hears how far files are, from any thread; doing nothing is the default."""

    is_live: ClassVar[bool] = False  # files are seen on their way: no need to say it again of each

    def aside(self) -> AbstractContextManager[None]:
        """Give way while something is printed."""
        return nullcontext()

    def announced(self, size: int) -> None:
        """Files of this size together are to come, or to be sent."""

    def started(self, name: str, size: int | None) -> None:
        """A file begins, perhaps once more: then what moved before does not count."""

    def moved(self, name: str, count: int) -> None:
        """Some bytes of it have arrived, or left."""

    def ended(self, name: str) -> None:
        """It is dealt with."""
