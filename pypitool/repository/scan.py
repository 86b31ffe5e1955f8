"""A scan makes the catalogue agree with the directories: walk, compare, read what changed, record it.

The keeper scans all the time. Others are it for a moment, or scan beside it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from pypitool.catalogue.against_log import mend_by_log
from pypitool.catalogue.catalogue import Catalogue
from pypitool.catalogue.rebuild import repair
from pypitool.core.errors import PypitoolError
from pypitool.core.filenames import is_ignored
from pypitool.core.guard import Guard
from pypitool.core.model import Location
from pypitool.core.progress import ReadProgress, ignore_progress
from pypitool.core.scan_plan import ScanPlan, Unreadable, Walked, plan_scan
from pypitool.repository.contact import keeper_lock, put_doubt, put_in_inbox
from pypitool.repository.read_file import ReadOutcome, Writers, read_found
from pypitool.repository.recovery import settle_all, settle_deletions
from pypitool.repository.repository import Repository
from pypitool.repository.scan_record import ScanRecorder, ScanReport
from pypitool.store.store import Store

_log = logging.getLogger(__name__)
T = TypeVar("T")

_BREATHE_EVERY = 1000  # files walked
_BREATH = 0.1  # seconds of waiting for a large file
_THREADS = 4
_SMALL = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Failed:
    """The machine failed while a file was to be read: nothing is known of it."""

    error: PypitoolError


_Outcome: TypeAlias = "ReadOutcome | _Failed"


def never_pause() -> None:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Scans a store into a catalogue. `pause` is called every now and then, and may raise to end a scan."""

    store: Store
    roots: int
    catalogue: Catalogue
    writers: Writers
    progress: ReadProgress = ignore_progress
    pause: Callable[[], None] = never_pause
    reserve: bool = False

    @classmethod
    def of(
        cls,
        repository: Repository,
        *,
        progress: ReadProgress = ignore_progress,
        pause: Callable[[], None] = never_pause,
    ) -> Scanner:
        """Return a scanner of all directories of a repository."""
        return cls(
            repository.store,
            len(repository.roots),
            repository.catalogue,
            Writers(),
            progress,
            pause,
            repository.reserve_deleted,
        )

    def everything(self) -> ScanReport:
        """Scan every directory."""
        report = ScanReport()
        recorder = self._recorder(report)
        began_at = self.catalogue.serial()
        for root in range(self.roots):
            self._below(root, "", recorder, report)
        recorder.settle_all_rivals()
        # A directory that is not mounted just now may hold anything.
        report.everything = all(place.path for place in recorder.reported)
        if report.everything:
            self.catalogue.set_complete(began_at)
        return report

    def below(self, root: int, folder: str) -> ScanReport:
        """Scan one folder, and what is below it."""
        report = ScanReport()
        self._below(root, folder, self._recorder(report), report)
        return report

    def at(self, locations: Iterable[Location]) -> ScanReport:
        """Look at a few files."""
        report = ScanReport()
        recorder = self._recorder(report)
        for wanted in _by_root(locations):
            found = [looked for location in wanted if (looked := self.store.look(location)) is not None]
            asked = {place: recorder.reported[place] for place in wanted if place in recorder.reported}
            self._carry_out(plan_scan(found, self.catalogue.known_at(wanted), asked), recorder, report)
        return report

    def _recorder(self, report: ScanReport) -> ScanRecorder:
        return ScanRecorder(self.store, self.catalogue, report, reserve=self.reserve)

    def _below(self, root: int, folder: str, recorder: ScanRecorder, report: ScanReport) -> None:
        prefix = f"{folder}/" if folder else ""
        problems = {
            place: problem
            for place, problem in recorder.reported.items()
            if place.root == root and place.path.startswith(prefix)
        }
        walked = self._breathing(self.store.walk(root, folder))
        began = time.monotonic()
        todo = plan_scan(walked, self.catalogue.known(root, folder), problems)
        report.seconds += time.monotonic() - began
        self._carry_out(todo, recorder, report)

    def _carry_out(self, todo: ScanPlan, recorder: ScanRecorder, report: ScanReport) -> None:
        report.unchanged += todo.unchanged
        recorder.gone(todo.gone)
        recorder.solved(todo.solved)
        for problem in todo.unreadable:
            recorder.add(problem.location, problem)
        # Whose publishing is under way is its writer's business; the keeper looks after dead writers.
        busy = {pending.file.location for pending in self.catalogue.pending()} if todo.changed else set()
        # It is looked at again: events that came before its row were of no use.
        report.unsettled.extend(place for place in todo.changed if place in busy)
        wanted = [place for place in todo.changed if not is_ignored(place.filename) and place not in busy]
        self._read_all(wanted, recorder)

    def _read_all(self, wanted: list[Location], recorder: ScanRecorder) -> None:
        """Read files and record them. What the machine fails at stays as it was, and ends the scan."""
        failed: list[PypitoolError] = []
        try:
            for done, read in self._read(wanted):
                if read is not None:
                    place, outcome = read
                    if isinstance(outcome, _Failed):
                        failed.append(outcome.error)
                    else:
                        recorder.add(place, outcome)
                    self.progress(done, len(wanted))
                recorder.commit_if_due()
                self.pause()
        finally:
            recorder.commit()
        if failed:
            raise failed[0]

    def _read(self, wanted: list[Location]) -> Iterator[tuple[int, tuple[Location, _Outcome] | None]]:
        """Read files, and give how many are done with what one of them gave; None while all take long."""
        # Hashing leaves the interpreter to other threads, so large files use several cores. With small ones
        # threads only get in each other's way (three times slower, tried).
        done = 0
        with ThreadPoolExecutor(_THREADS) as pool:
            under_way: dict[Future[_Outcome], Location] = {}
            for place in wanted:
                found = Guard.turn(partial(self.store.look, place), _Failed)
                if isinstance(found, Walked) and found.stat.size > _SMALL:
                    under_way[pool.submit(self._read_one, place, found)] = place
                else:
                    done += 1
                    yield done, (place, self._read_one(place, found))
                while len(under_way) > _THREADS or (under_way and place is wanted[-1]):
                    for future in wait(under_way, _BREATH, FIRST_COMPLETED).done:
                        done += 1
                        yield done, (under_way.pop(future), future.result())
                    yield done, None

    def _read_one(self, place: Location, found: Walked | Unreadable | _Failed | None) -> _Outcome:
        if isinstance(found, _Failed):
            return found
        return Guard.turn(partial(read_found, self.store, place, found, self.writers), _Failed)

    def _breathing(self, items: Iterable[T]) -> Iterator[T]:
        for number, item in enumerate(items):
            if number % _BREATHE_EVERY == 0:
                self.pause()
            yield item


def _by_root(locations: Iterable[Location]) -> Iterator[list[Location]]:
    """Group places by root, each group in order of path."""
    groups: dict[int, list[Location]] = defaultdict(list)
    for location in sorted(set(locations), key=lambda location: (location.root, location.path)):
        groups[location.root].append(location)
    return iter(groups.values())


def look_at(repository: Repository, locations: Iterable[Location]) -> ScanReport:
    """Look at a few files now; what cannot be settled yet is the keeper's."""
    report = Scanner.of(repository).at(locations)
    put_in_inbox(repository.files, *report.unsettled)
    return report


def rescan(repository: Repository, progress: ReadProgress = ignore_progress) -> ScanReport:
    """Scan the directories now, beside the keeper where there is one."""
    for one in mend_by_log(repository.catalogue, repository.facts):
        _log.warning("%s: %s; the log is followed", one.subject, one.reason)
    report = scan_if_alone(repository, progress)
    if report is None:
        report = Scanner.of(repository, progress=progress).everything()
        put_in_inbox(repository.files, *report.unsettled)
        settle_deletions(repository, everything_was_seen=report.everything)
    return report


def mend_if_alone(repository: Repository) -> bool | None:
    """Read the whole catalogue, and rebuild it if it is damaged; None: a keeper is at work, and does that."""
    with keeper_lock(repository.files) as mine:
        if mine:
            is_mended = repair(repository.files.catalogue, repository.facts)
            repository.catalogue.look_again()
            return is_mended
    put_doubt(repository.files)
    return None


def scan_if_alone(repository: Repository, progress: ReadProgress = ignore_progress) -> ScanReport | None:
    """Scan the directories if no keeper does; None: one does, and the catalogue is fresh."""
    with keeper_lock(repository.files) as mine:
        if not mine:
            return None
        settle_all(repository)
        report = Scanner.of(repository, progress=progress).everything()
        settle_deletions(repository, everything_was_seen=report.everything)
        return report
