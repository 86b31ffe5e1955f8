"""Progress of files that are fetched or sent: a terminal's live view sees it, or nobody does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar


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
