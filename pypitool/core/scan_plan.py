"""What a walk found against what is known, both in order of path: which files to read, and which are gone.

A filename in several places is no matter with the same bytes; with other bytes it is a problem to report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pypitool.core.model import FileStat, HeldFile, Location, Problem, offered


@dataclass(frozen=True, slots=True)
class Walked:
    """One regular file as a walk met it."""

    location: Location
    stat: FileStat
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be served, or a folder (its path ends in a slash) that cannot be listed."""

    location: Location
    reason: str


class Seen(Protocol):
    """What is known of a file, by stat alone."""

    @property
    def location(self) -> Location:
        """Where it lies."""

    @property
    def stat(self) -> FileStat:
        """Its stat when it was read."""

    @property
    def signed(self) -> bool:
        """Whether a signature lay beside it."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What is left to do after a walk."""

    changed: tuple[Location, ...]  # new, or with another stat: to be read
    gone: tuple[Location, ...]
    unreadable: tuple[Problem, ...]
    solved: tuple[Location, ...]  # places of problems where no file is now, or one that is known to be right
    unchanged: int


def plan_scan(
    walked: Iterable[Walked | Unreadable], known: Iterable[Seen], problems: Mapping[Location, Problem]
) -> ScanPlan:
    """Compare a walk with what is known; both come in order of path, so that neither is held in memory.

    A file that was judged and has not changed since (see `Problem.stat`) is not read again.
    """
    return _Comparison(iter(known), problems).run(walked)


class _Comparison:
    def __init__(self, known: Iterator[Seen], problems: Mapping[Location, Problem]) -> None:
        self._known = known
        self._next = next(known, None)
        self._problems = dict(problems)
        self._changed: list[Location] = []
        self._gone: list[Location] = []
        self._unreadable: list[Problem] = []
        self._unchanged = 0

    def run(self, walked: Iterable[Walked | Unreadable]) -> ScanPlan:
        for found in walked:
            if isinstance(found, Walked):
                self._meet(found)
            else:
                self._pass_over(found)
        while self._next is not None:
            self._drop()
        solved = tuple(self._problems)
        return ScanPlan(
            tuple(self._changed), tuple(self._gone), tuple(self._unreadable), solved, self._unchanged
        )

    def _meet(self, found: Walked) -> None:
        problem = self._problems.pop(found.location, None) if self._problems else None
        path = found.location.path
        while self._next is not None and self._next.location.path < path:
            self._drop()
        if self._next is not None and self._next.location.path == path:
            same = self._next.stat == found.stat and self._next.signed == found.signed
            if same and problem is not None and not is_name_conflict(problem):
                self._problems[found.location] = problem  # published since: solved
            self._next = next(self._known, None)
        else:
            same = problem is not None and problem.stat == found.stat
        if same:
            self._unchanged += 1
        else:
            self._changed.append(found.location)

    def _pass_over(self, found: Unreadable) -> None:
        self._problems.pop(found.location, None)
        self._unreadable.append(Problem(found.location, found.reason))
        path = found.location.path
        if not path.endswith("/") and path:
            return
        # A folder that cannot be listed just now has not lost its files.
        while self._next is not None and self._next.location.path < path:
            self._drop()
        while self._next is not None and self._next.location.path.startswith(path):
            self._next = next(self._known, None)
        for location in [known for known in self._problems if known.path.startswith(path)]:
            del self._problems[location]

    def _drop(self) -> None:
        assert self._next is not None
        self._gone.append(self._next.location)
        self._next = next(self._known, None)


_REASON = "a file of the same name with other bytes comes first: "


def name_conflicts(files: Iterable[HeldFile]) -> list[Problem]:
    """Report every file that another one of its name, with other bytes, hides; see `model.offered`."""
    by_name: dict[str, list[HeldFile]] = defaultdict(list)
    for file in files:
        by_name[file.filename].append(file)
    return [problem for rivals in by_name.values() for problem in _hidden(rivals)]


def is_name_conflict(problem: Problem) -> bool:
    """Tell whether `name_conflicts` reported it."""
    return problem.reason.startswith(_REASON)


def _hidden(rivals: list[HeldFile]) -> list[Problem]:
    (first,) = offered(rivals)
    reason = f"{_REASON}`{first.location.path}`"
    if first.location.root:
        reason += f" of directory {first.location.root + 1}"
    digest = first.contents.digests.sha256
    return [
        Problem(file.location, reason, file.stat) for file in rivals if file.contents.digests.sha256 != digest
    ]
