"""The keeper: one for each state, it keeps the catalogue true to the directories.

It walks all of them now and then. Between two walks it looks where something has changed, where somebody
asked it to, and again at what was being written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pypitool.access.rules_record import note_rules
from pypitool.catalogue.errors import CatalogueDamaged, CatalogueMissing
from pypitool.catalogue.rebuild import repair
from pypitool.catalogue.replay import replay_missed
from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.model import Location
from pypitool.keeper.account_watch import AccountWatch
from pypitool.keeper.change_watcher import ChangeWatcher
from pypitool.keeper.file_events import ChangedPaths
from pypitool.repository.contact import Pulse, keeper_lock, take_doubt, take_inbox
from pypitool.repository.recovery import Fate, settle_all, settle_deletions
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from pypitool.repository.scan_record import BEING_WRITTEN, ScanReport

RESCAN = 60.0
_TURN = 0.2  # seconds between two looks at what no event tells: whether to stop, dead writers, questions
_GATHER = 0.03  # a file that is copied in comes with several events
_TELL_PROGRESS_EVERY = 5.0
_AFTER_A_FAILURE = 5.0
_MOST_DOUBLED = 3  # a turn that fails again and again is tried after 5, 10, 20 and then each 40 seconds
_DOUBT_EVERY = 30.0  # reading a whole catalogue takes seconds
# However slow the disks are, walks take at most a tenth of the time.
_WALK_SHARE = 10.0

_log = logging.getLogger(__name__)
_UNSETTLED_EVERY = 0.25
# While a large file is hashed, small ones that come in do not wait; nor does a second large one.
_DEEPEST = 3


class KeeperStopped(BaseException):
    """The keeper was asked to stop while it scanned; what it had read is recorded. No failure: an order."""


class Keeper:
    """Scans at the start, after every event, and every `rescan` seconds, until it is told to stop."""

    def __init__(
        self,
        repository: Repository,
        *,
        rescan: float = RESCAN,
        passwords: Path | None = None,
        watcher: Callable[[Sequence[Path], ChangedPaths], ChangeWatcher] = ChangeWatcher,
    ) -> None:
        self._repository = repository
        self._rescan = rescan
        self._changes = ChangedPaths()
        self._watcher = watcher(repository.roots, self._changes)
        self._accounts = None if passwords is None else AccountWatch(repository, passwords)
        self._pulse = Pulse(repository.files)
        self._scanner = Scanner.of(repository, progress=self._progress, pause=self._pause)
        self._change_scanner = ChangeScanner(repository, self._changes, self._scanner)
        self._stop: Callable[[], bool] = lambda: False
        self._walk_due = 0.0
        self._doubt_due = 0.0
        self._rules: str | None = None  # the digest of those that are on record
        self._told = 0.0
        self._failing = ""  # why the last turn failed
        self._failures = 0
        self._serial = 0

    def run(self, stop: Callable[[], bool]) -> None:
        """Keep until `stop` says so; where another keeper is at work, wait until it is gone."""
        self._stop = stop
        while not stop():
            with keeper_lock(self._repository.files) as mine:
                if mine:
                    self._keep()
                    return
            time.sleep(_TURN)

    def _keep(self) -> None:
        self._pulse.begin()
        self._watcher.start()
        try:
            while not self._stop():
                Guard.turn(self._good_turn, self._after_a_failure)
        except KeeperStopped:
            pass
        finally:
            self._watcher.stop()
            self._pulse.end()

    def _good_turn(self) -> None:
        self._turn()
        self._failures = 0
        if self._failing:
            self._failing = ""
            _log.info("the directories are kept again")
            self._pulse.beat(failing="")

    def _after_a_failure(self, error: PypitoolError) -> None:
        """Go on after a turn that failed, whatever it was: a full disk, a lost catalogue, a fault of ours."""
        # A lost catalogue is mended at once; where that fails too, everything waits as after any failure.
        if isinstance(error, (CatalogueDamaged, CatalogueMissing)):
            _log.error("%s", error)
            Guard.turn(self._mend, self._wait_after)
        else:
            self._wait_after(error)

    def _wait_after(self, error: PypitoolError) -> None:
        if str(error) != self._failing:  # it is said once, and `doctor` sees it as long as it lasts
            _log.error("the directories cannot be kept just now: %s", error)
        self._failing = str(error)
        seconds = min(_AFTER_A_FAILURE * 2.0 ** min(self._failures, _MOST_DOUBLED), self._rescan)
        self._failures += 1
        self._walk_due = time.monotonic() + seconds
        self._wait(seconds)

    def _turn(self) -> None:
        if time.monotonic() >= self._walk_due:
            self._walk()
        if self._changes.wait(_TURN):
            time.sleep(_GATHER)
        self._watcher.turn()
        self._change_scanner.look_at_changes()
        if self._change_scanner.folders_came:
            self._change_scanner.folders_came = False
            self._watcher.folders_came()
        if self._change_scanner.is_lost:
            self._walk_due = 0.0
        self._beat()

    def _walk(self) -> None:
        began = time.monotonic()
        self._watcher.before_walk()
        self._changes.take()
        self._change_scanner.is_lost = False
        self._repository.tidy()
        replay_missed(self._repository.catalogue, self._repository.facts)
        self._change_scanner.settle()
        for root in range(len(self._repository.roots)):
            self._repository.store.sweep(root)
        self._pulse.beat(scanning=True, read=0, to_read=0)
        report = self._scanner.everything()
        settle_deletions(self._repository, everything_was_seen=report.everything)
        self._change_scanner.take(report)
        took = time.monotonic() - began
        if report.listed or report.gone:
            _log.info("%d files read, %d gone, in %.1f s", report.listed, report.gone, took)
        self._walk_due = time.monotonic() + max(self._rescan, _WALK_SHARE * report.seconds)
        self._pulse.beat(scanning=False, walked_at=time.time(), watched=self._watcher.is_whole)

    def _beat(self) -> None:
        if time.time() < self._pulse.due:
            return
        self._pulse.beat(
            lag=self._changes.lag, unsettled=self._change_scanner.unsettled, watched=self._watcher.is_whole
        )
        if self._repository.files.restoring.exists():
            self._repository.tidy()  # the walk that it needs comes by itself: it is another history
        self._rules = note_rules(self._repository.state, self._repository.facts, self._rules)
        if self._accounts is not None:
            self._accounts.look()
        if not self._repository.files.catalogue.exists() or self._is_doubted():
            self._mend()
        changes = self._repository.catalogue.changes_since(self._serial)
        if changes.everything and self._serial:
            self._walk_due = 0.0  # rebuilt or restored: it may say what was true last week
        self._serial = changes.serial

    def _is_doubted(self) -> bool:
        """Tell whether a worker met damage that no walk has met; not again at once, it may be mended."""
        now = time.monotonic()
        if now < self._doubt_due or not take_doubt(self._repository.files):
            return False
        self._doubt_due = now + _DOUBT_EVERY
        return True

    def _mend(self) -> None:
        """Rebuild a catalogue that was lost or damaged, from the facts now and the directories after."""
        repair(self._repository.files.catalogue, self._repository.facts)
        self._walk_due = 0.0

    def _progress(self, done: int, total: int) -> None:
        if time.time() < self._pulse.due:
            return
        self._pulse.beat(read=done, to_read=total)
        if time.monotonic() - self._told > _TELL_PROGRESS_EVERY and done < total:
            self._told = time.monotonic()
            _log.info("reading packages: %d of %d", done, total)

    def _pause(self) -> None:
        if self._stop():
            raise KeeperStopped
        if time.time() >= self._pulse.due:
            self._pulse.beat(lag=self._changes.lag)
        # A walk may take minutes, and so may one file: what comes in meanwhile does not wait for the end.
        if self._changes.lag > _GATHER:
            self._change_scanner.look_at_changes()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stop() and time.monotonic() < end:
            if time.time() >= self._pulse.due:
                self._pulse.beat(scanning=False, failing=self._failing)
            time.sleep(_TURN)


class ChangeScanner:
    """Scans where something may have changed. `look_at_changes` may be called again while it is at work."""

    def __init__(self, repository: Repository, changes: ChangedPaths, scanner: Scanner) -> None:
        self._repository = repository
        self._changes = changes
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

    def look_at_changes(self) -> None:
        """Look at everything that may have changed since the last time."""
        if len(self._under_way) >= _DEEPEST:
            return
        taken = self._changes.take()
        self.is_lost |= taken.everything
        self.folders_came |= bool(taken.folders)
        for folder in taken.folders:
            self.take(self._scanner.below(folder.root, folder.path))
        self._look_at(taken.files | self._asked() | self._due_again())
        self.settle()

    def take(self, report: ScanReport) -> None:
        """Remember what is to be looked at again, and tell what is not listed."""
        self._look_again(report.unsettled)
        for problem in report.problems:
            place = self._repository.roots[problem.location.root] / problem.location.path
            level = logging.INFO if problem.reason == BEING_WRITTEN else logging.WARNING
            _log.log(level, "%s is not listed: %s", place, problem.reason)
        for file in report.misnamed:
            place = self._repository.roots[file.location.root] / file.location.path
            _log.warning("%s is listed, though pip refuses it: %s", place, file.contents.misnamed)

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
        return frozenset(place for place in take_inbox(self._repository.files) if place.root in roots)
