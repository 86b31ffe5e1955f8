"""What the keeper looks at between two walks: what was touched, asked about, or was being written."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from pypitool.core.model import Location
from pypitool.repository.contact import take_asked
from pypitool.repository.recovery import Fate, settle_all
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from pypitool.repository.scan_record import BEING_WRITTEN, ScanReport
from pypitool.touches import Touches

_UNSETTLED_EVERY = 0.25
# While a large file is hashed, small ones that come in do not wait; nor does a second large one.
_DEEPEST = 3

_log = logging.getLogger(__name__)


class Attention:
    """Looks where something may have changed. `attend` may be called again while it is at work."""

    def __init__(self, repository: Repository, touches: Touches, scanner: Scanner) -> None:
        self._repository = repository
        self._touches = touches
        self._scanner = scanner
        self._under_way: list[frozenset[Location]] = []
        self._unsettled: set[Location] = set()
        self._due: float | None = None
        self.is_lost = False  # nobody knows what changed: only a walk of everything helps
        self.folders_came = False

    @property
    def unsettled(self) -> int:
        """How many files are to be looked at again."""
        return len(self._unsettled)

    def attend(self) -> None:
        """Look at everything that may have changed since the last time."""
        if len(self._under_way) >= _DEEPEST:
            return
        touched = self._touches.take()
        self.is_lost |= touched.everything
        self.folders_came |= bool(touched.folders)
        for folder in touched.folders:
            self.take(self._scanner.below(folder.root, folder.path))
        self._look_at(touched.files | self._asked() | self._due_again())
        self.settle()

    def take(self, report: ScanReport) -> None:
        """Remember what is to be looked at again, and tell what is not listed."""
        self._look_again(report.unsettled)
        for problem in report.problems:
            place = self._repository.roots[problem.location.root] / problem.location.path
            level = logging.INFO if problem.reason == BEING_WRITTEN else logging.WARNING
            _log.log(level, "%s is not listed: %s", place, problem.reason)

    def settle(self) -> None:
        """End what writers began that are gone."""
        for path, fate in settle_all(self._repository).items():
            if fate in (Fate.FINISHED, Fate.ABANDONED):
                _log.warning("the writer of %s is gone: what it began is %s", path, fate.value)

    def _look_at(self, places: frozenset[Location]) -> None:
        busy = places & frozenset().union(*self._under_way)
        self._look_again(busy)
        if places == busy:
            return
        self._under_way.append(places - busy)
        try:
            self.take(self._scanner.at(places - busy))
        finally:
            self._under_way.pop()

    def _look_again(self, places: Iterable[Location]) -> None:
        self._unsettled.update(places)
        if self._unsettled and self._due is None:
            self._due = time.monotonic() + _UNSETTLED_EVERY

    def _due_again(self) -> frozenset[Location]:
        if self._due is None or time.monotonic() < self._due:
            return frozenset()
        due, self._unsettled, self._due = frozenset(self._unsettled), set(), None
        return due

    def _asked(self) -> frozenset[Location]:
        roots = range(len(self._repository.roots))
        return frozenset(place for place in take_asked(self._repository.state) if place.root in roots)
