"""The proof: from a set's roots, walk the metadata of what is on disk, and name every hole.

No resolver and no network: a pinned set is already a lock, and this says whether it is closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate, WhyNot, fits, tag_position, why_no_file_fits
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind


class AvailableFiles(Protocol):
    """What is on disk; its files are asked for by project, their dependencies one by one."""

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        """Return the files of a project."""

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Return what a file depends on; None when only building it would tell."""


@dataclass(frozen=True, slots=True)
class Root:
    """A line of a set's input."""

    requirement: Requirement
    source: str  # FILE:LINE


@dataclass(frozen=True, slots=True)
class Hole:
    """A requirement that nothing on disk satisfies for a target."""

    target: str
    requirement: str
    required_by: str  # `PROJECT VERSION`, or FILE:LINE for a root
    reason: str
    unpinned: NormalizedName | None = None  # what another line of the set would mend it by naming
    project: NormalizedName | None = field(default=None, compare=False)
    why: WhyNot | None = field(default=None, compare=False)  # the reason, and more for people


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file of which nobody knows yet what it depends on: an sdist that is here tells when it is built."""

    target: str
    project: NormalizedName
    filename: str
    until: str = "built"


@dataclass(frozen=True, slots=True)
class Need:
    """A requirement that the walk followed, and whose it is."""

    requirement: Requirement
    required_by: str  # as a hole's

    def __str__(self) -> str:
        return f"{shown(self.requirement)} of {self.required_by}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the walk found for one target."""

    holes: tuple[Hole, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    used: frozenset[str] = frozenset()  # filenames that the target would install
    needs: tuple[Need, ...] = field(default=(), compare=False)  # what was asked for on the way


@dataclass(slots=True)
class _Walk:
    target: Target
    available: AvailableFiles
    pins: Mapping[NormalizedName, SpecifierSet]
    named: frozenset[NormalizedName]  # by a line of the set: another line would mend nothing
    holes: dict[tuple[str, str], Hole] = field(default_factory=dict)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    needs: list[Need] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    fitting: dict[NormalizedName, list[Candidate]] = field(default_factory=dict)
    judged: dict[tuple[str, str], bool] = field(default_factory=dict)


def prove(
    roots: Iterable[Root],
    target: Target,
    available: AvailableFiles,
    pins: Mapping[NormalizedName, SpecifierSet],
) -> Proof:
    """Walk from the roots that concern the target."""
    mine = [root for root in roots if target.applies(root.requirement.marker)]
    named = pins.keys() | {canonicalize_name(root.requirement.name) for root in mine}
    walk = _Walk(target, available, pins, frozenset(named))
    queue = deque((root.requirement, root.source) for root in mine)
    while queue:
        requirement, required_by = queue.popleft()
        walk.needs.append(Need(requirement, required_by))
        queue.extend(_follow(walk, requirement, required_by))
    return Proof(
        tuple(walk.holes.values()), tuple(walk.unknown.values()), frozenset(walk.used), tuple(walk.needs)
    )


def _follow(walk: _Walk, requirement: Requirement, required_by: str) -> Iterator[tuple[Requirement, str]]:
    project = canonicalize_name(requirement.name)
    candidate = _satisfying(walk, project, requirement.specifier)
    if candidate is None:
        unpinned = None if project in walk.named else project
        why = _why(walk, project, requirement.specifier)
        hole = Hole(walk.target.name, shown(requirement), required_by, why.reason, unpinned, project, why)
        walk.holes.setdefault((hole.requirement, hole.required_by), hole)
        return
    walk.used.add(candidate.filename)
    requires = walk.available.requires(candidate)
    if requires is None:
        # What is not here may say it all the same, as soon as it can be read.
        until = "fetched" if candidate.url or candidate.kind is FileKind.WHEEL else "built"
        unknown = Unknown(walk.target.name, project, candidate.filename, until)
        walk.unknown.setdefault(candidate.filename, unknown)
        return
    # Once per requested extra and once without: `extra == "x"` is false when no extra is given.
    asked = {"", *(canonicalize_name(extra) for extra in requirement.extras)}
    extras = frozenset(extra for extra in asked if (candidate.filename, extra) not in walk.seen)
    walk.seen.update((candidate.filename, extra) for extra in extras)
    for dependency in requires:
        if _applies(walk, dependency, extras):
            yield dependency, f"{project} {candidate.version}"


def _applies(walk: _Walk, requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return "" in extras
    text = str(requirement.marker)
    return any(_judged(walk, requirement, text, extra) for extra in extras)


def _judged(walk: _Walk, requirement: Requirement, text: str, extra: str) -> bool:
    # The same few markers recur hundreds of times, and each evaluation reads the host's environment.
    key = (text, extra)
    if key not in walk.judged:
        walk.judged[key] = walk.target.applies(requirement.marker, extra)
    return walk.judged[key]


def _satisfying(walk: _Walk, project: NormalizedName, specifier: SpecifierSet) -> Candidate | None:
    pin = walk.pins.get(project)
    for candidate in _fitting(walk, project):
        # A pin may name a pre-release; whether it satisfies an edge is a question of the version alone.
        if pin is not None and not pin.contains(candidate.version, prereleases=True):
            continue
        if specifier.contains(candidate.version, prereleases=True):
            return candidate
    return None


def _fitting(walk: _Walk, project: NormalizedName) -> list[Candidate]:
    if project not in walk.fitting:
        candidates = walk.available.candidates(project)
        fitting = [candidate for candidate in candidates if fits(candidate, walk.target)]
        fitting.sort(key=lambda candidate: tag_position(candidate, walk.target))
        # Stable, also in reverse: within one version the better tag stays first.
        fitting.sort(key=_finals_then_newest, reverse=True)
        walk.fitting[project] = fitting
    return walk.fitting[project]


def _finals_then_newest(candidate: Candidate) -> tuple[bool, Version]:
    return not candidate.version.is_prerelease, candidate.version


def _why(walk: _Walk, project: NormalizedName, specifier: SpecifierSet) -> WhyNot:
    candidates = walk.available.candidates(project)
    if not candidates:
        return WhyNot("missing")
    if not _fitting(walk, project):
        wanted = [each for each in candidates if specifier.contains(each.version, prereleases=True)]
        return why_no_file_fits(wanted or candidates, walk.target, "no file fits the target")
    # A line that pins it itself is not held up by its own pin.
    if project in walk.pins and walk.pins[project] != specifier:
        return WhyNot(f"the set pins {project}{walk.pins[project]}")
    return WhyNot("no version on disk satisfies it")


def shown(requirement: Requirement) -> str:
    """Write a requirement as messages have it: without its marker."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{canonicalize_name(requirement.name)}{extras}{requirement.specifier}"
