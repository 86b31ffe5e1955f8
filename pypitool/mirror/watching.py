"""Who watches files arrive: a terminal's live view, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from pypitool.core.mirror.run_events import FileEvent
from pypitool.core.mirror.sync_plan import WantedFile


@dataclass(frozen=True, slots=True)
class FetchItem:
    """A wanted file and the upstream that offers it."""

    wanted: WantedFile
    upstream: str
    root: int = 0  # which directory takes it ...
    folder: str = ""  # ... and where below it

    @property
    def filename(self) -> str:
        """Its name, here and there."""
        return self.wanted.candidate.filename


class Watcher:
    """Sees bytes arrive; the terminal's live view is one, and doing nothing is the default."""

    is_live: ClassVar[bool] = False  # what arrives is seen arriving: no need to say it again

    def aside(self) -> AbstractContextManager[None]:
        """Give way while something is printed."""
        return nullcontext()

    def announced(self, items: Sequence[FetchItem]) -> None:
        """These files are to come."""

    def started(self, item: FetchItem) -> None:
        """A file begins."""

    def received(self, item: FetchItem, count: int) -> None:
        """Some bytes of it have arrived."""

    def ended(self, item: FetchItem, event: FileEvent) -> None:
        """It is dealt with."""
