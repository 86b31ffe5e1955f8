"""What a scan reads, recorded in batches: each is one transaction, half a second after the one before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pypitool.catalogue.catalogue import Catalogue, ScanBatch
from pypitool.core.guard import Guard
from pypitool.core.model import HeldFile, Location, Problem
from pypitool.core.scan_plan import Walked, is_name_conflict, name_conflicts
from pypitool.repository.read_file import ReadFile, ReadOutcome, Unsettled
from pypitool.store.store import Store

_COMMIT_EVERY = 0.5  # seconds: what was read so far is shown, and other writers get their turn
_MOST_IN_A_BATCH = 1000
BEING_WRITTEN = "it is still being written"
RESERVED = "its name was used for other bytes and deleted: `reserve-deleted` keeps it for those"


@dataclass(slots=True)
class ScanReport:
    """What a scan did."""

    unchanged: int = 0
    listed: int = 0  # read, and shown from now on
    gone: int = 0
    everything: bool = False  # no directory was left out
    seconds: float = 0.0  # of walking and comparing, without the reading
    problems: list[Problem] = field(default_factory=list)  # new ones, or with a new reason
    misnamed: list[HeldFile] = field(default_factory=list)  # listed, and speaks of another release
    unsettled: list[Location] = field(default_factory=list)  # to be looked at again soon


class ScanRecorder:
    """Collects what was read and brings it into the catalogue."""

    def __init__(
        self, store: Store, catalogue: Catalogue, report: ScanReport, *, reserve: bool = False
    ) -> None:
        self._store = store
        self._reserve = reserve
        self._catalogue = catalogue
        self._report = report
        # Places and not only problems: what is reported again in the same words is not written again.
        self.reported = {problem.location: self._still(problem) for problem in catalogue.problems()}
        self._begin()

    def add(self, location: Location, outcome: ReadOutcome) -> None:
        """Take what reading gave."""
        if outcome is None:
            self._gone.append(location)
        elif isinstance(outcome, ReadFile):
            self._take_read(outcome)
        elif isinstance(outcome, Unsettled):
            self._take_unsettled(outcome)
        else:
            self._take_problem(outcome)

    def gone(self, locations: Iterable[Location]) -> None:
        """Take files that are no longer there."""
        self._gone.extend(locations)

    def solved(self, locations: Iterable[Location]) -> None:
        """Take places of problems where nothing is any more."""
        self._solved.extend(locations)

    def commit_if_due(self) -> None:
        """Record what was collected, unless that was done a moment ago."""
        if len(self._read) >= _MOST_IN_A_BATCH or time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Record what was collected."""
        # What was read may have been replaced meanwhile, by a publishing that has finished since.
        fresh = [read for read in self._read if self._is_fresh(read.file)]
        gone = [location for location in self._gone if not isinstance(self._store.look(location), Walked)]
        self._report.listed += len(fresh)
        self._report.gone += len(gone)
        changed = [read.file for read in fresh]
        self._report.misnamed.extend(file for file in changed if file.contents.misnamed)
        dropped = [*gone, *(problem.location for problem in self._problems)]
        self._apply(ScanBatch(changed, dropped, self._problems, self._solved), fresh)
        self._settle_rivals([place.filename for place in [*(file.location for file in changed), *dropped]])
        self._look_back(changed, [*gone, *self._solved], self._problems)
        self._begin()

    def settle_all_rivals(self) -> None:
        """Compare all files that share a name; what a walk of everything ends with."""
        self._settle_rivals(None)

    def _begin(self) -> None:
        self._read: list[ReadFile] = []
        self._gone: list[Location] = []
        self._problems: list[Problem] = []
        self._solved: list[Location] = []
        self._due = time.monotonic() + _COMMIT_EVERY

    def _take_read(self, read: ReadFile) -> None:
        """Take a whole file; what is not to be listed is listed only where it has been before."""
        file = read.file
        reason = read.gap or self._reservation(file)
        if reason and not self._catalogue.knows(file.filename, file.contents.digests.sha256):
            self._take_problem(Problem(file.location, reason, file.stat))
        else:
            self._read.append(read)

    def _reservation(self, file: HeldFile) -> str:
        about = file.release_key, file.filename, file.contents.digests.sha256
        return RESERVED if self._reserve and self._catalogue.is_reserved(*about) else ""

    def _still(self, problem: Problem) -> Problem:
        """Let a file be read again whose name is not reserved any more."""
        ended = problem.reason == RESERVED and not self._reserve
        return replace(problem, stat=None) if ended else problem

    def _take_unsettled(self, outcome: Unsettled) -> None:
        self._report.unsettled.append(outcome.location)
        # A listed file that was only touched stays listed: its page must not lose it for a moment.
        if outcome.certain or not any(self._catalogue.known_at([outcome.location])):
            self._take_problem(Problem(outcome.location, BEING_WRITTEN))

    def _take_problem(self, problem: Problem) -> None:
        known = self.reported.get(problem.location)
        if known == problem:
            return
        self._problems.append(problem)
        if known is None or known.reason != problem.reason:
            self._report.problems.append(problem)

    def _is_fresh(self, file: HeldFile) -> bool:
        found = self._store.look(file.location)
        fresh = isinstance(found, Walked) and found.stat == file.stat
        if not fresh:
            self._report.unsettled.append(file.location)
        return fresh

    def _look_back(
        self, changed: Iterable[HeldFile], empty: Iterable[Location], problems: Iterable[Problem]
    ) -> None:
        """Note what changed while it was recorded: another writer's row may have been the newer one."""
        for file in changed:
            self._is_fresh(file)
        self._report.unsettled.extend(place for place in empty if self._store.look(place) is not None)
        for problem in problems:
            found = self._store.look(problem.location)
            stat = found.stat if isinstance(found, Walked) else None
            if found is None or (problem.stat is not None and stat != problem.stat):
                self._report.unsettled.append(problem.location)

    def _apply(self, batch: ScanBatch, read: Sequence[ReadFile] = ()) -> None:
        if not (batch.changed or batch.gone or batch.problems or batch.solved):
            return
        record = partial(self._catalogue.apply_scan, batch, _bodies(read))
        Guard.run(record, lambda _: self._apply_each(batch, read))
        for location in [*batch.gone, *batch.solved, *(file.location for file in batch.changed)]:
            self.reported.pop(location, None)
        self.reported.update((problem.location, problem) for problem in batch.problems)

    def _apply_each(self, batch: ScanBatch, read: Sequence[ReadFile]) -> None:
        """Record file by file, where the catalogue cannot hold what one of them says: that is its problem."""
        gone, problems = [*batch.gone], [*batch.problems]
        for one in read:
            fault = Guard.run(partial(self._apply_one, one), str)
            if fault:
                gone.append(one.file.location)
                problems.append(Problem(one.file.location, fault, one.file.stat))
        self._report.problems.extend(problems[len(batch.problems) :])
        self._catalogue.apply_scan(ScanBatch([], gone, problems, batch.solved), [])

    def _apply_one(self, one: ReadFile) -> str:
        self._catalogue.apply_scan(ScanBatch([one.file], [], [], []), _bodies([one]))
        return ""

    def _settle_rivals(self, filenames: list[str] | None) -> None:
        if filenames == []:
            return
        problems = {
            problem.location: problem for problem in name_conflicts(self._catalogue.rivals(filenames))
        }
        among = None if filenames is None else set(filenames)
        solved = [
            location
            for location, problem in self.reported.items()
            if is_name_conflict(problem)
            and location not in problems
            and (among is None or location.filename in among)
        ]
        new = [problem for problem in problems.values() if self.reported.get(problem.location) != problem]
        self._report.problems.extend(new)
        self._apply(ScanBatch(problems=new, solved=solved))


def _bodies(read: Iterable[ReadFile]) -> list[tuple[str, bytes]]:
    """Return each METADATA body once, under its digest."""
    bodies = {one.file.contents.metadata_sha256: one.metadata_body for one in read}
    return [(digest, body) for digest, body in bodies.items() if digest and body is not None]
