"""What a run is to do: the files that pins want for their targets, against what is on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from pypitool.core.mirror.selection import (
    Candidate,
    ChoiceReason,
    FileVerdict,
    SelectionRules,
    Wish,
    select,
    taken,
)
from pypitool.core.mirror.targets import Target


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that a set needs, and for which targets."""

    candidate: Candidate
    targets: tuple[str, ...]
    hashes: frozenset[str] = frozenset()  # of the line that asks for it; one of them must be the file's


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


@dataclass(frozen=True, slots=True)
class Miss:
    """A wish that no offered file satisfies for a target."""

    wish: Wish
    target: str
    reason: ChoiceReason | None  # the nearest rule that refused a file; None: no such version is offered
    requires_python: str | None = None  # with REQUIRES_PYTHON: what the release asks for


@dataclass(frozen=True, slots=True)
class ProjectChoice:
    """What a project's page gives to a set."""

    files: tuple[WantedFile, ...] = ()
    misses: tuple[Miss, ...] = ()


class Step(str, Enum):
    """What is to be done with a wanted file."""

    GET = "get"
    KEEP = "keep"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Planned:
    """A wanted file and what is to be done with it."""

    step: Step
    wanted: WantedFile
    held_sha256: str | None = None


# From the nearest miss to the farthest: what a message names when nothing fits.
_NEARNESS = (
    ChoiceReason.HASH,
    ChoiceReason.UNHASHED,
    ChoiceReason.TOO_BIG,
    ChoiceReason.COOLDOWN,
    ChoiceReason.YANKED,
    ChoiceReason.REQUIRES_PYTHON,
    ChoiceReason.TAGS,
    ChoiceReason.FORMAT,
    ChoiceReason.FILES_POLICY,
    ChoiceReason.LEGACY,
)


def choose_files(
    wishes: Mapping[Target, Wish], candidates: Sequence[Candidate], rules: SelectionRules
) -> ProjectChoice:
    """Choose the files of one project for every target that wants it."""
    by_filename: dict[str, tuple[Candidate, list[str], frozenset[str]]] = {}
    misses: list[Miss] = []
    # Most targets wish for the same version, and reading a specifier takes longer than comparing it.
    different = {str(wish.specifier): wish for wish in wishes.values()}
    fitting = {text: _of_version(wish, candidates) for text, wish in different.items()}
    for target, wish in wishes.items():
        verdicts = select(wish, target, fitting[str(wish.specifier)], rules)
        chosen = taken(verdicts)
        if not chosen:
            misses.append(_miss(wish, target, verdicts))
        for candidate in chosen:
            entry = by_filename.setdefault(candidate.filename, (candidate, [], wish.hashes))
            entry[1].append(target.name)
    files = tuple(
        WantedFile(candidate, tuple(names), hashes) for candidate, names, hashes in by_filename.values()
    )
    return ProjectChoice(files, tuple(misses))


def plan_sync(wanted: Iterable[WantedFile], held: Mapping[str, str]) -> tuple[Planned, ...]:
    """Compare what is wanted with what is held: `held` is the sha256 of each filename."""
    return tuple(_planned(file, held.get(file.candidate.filename)) for file in wanted)


def wish_for(
    project: NormalizedName, specifiers: Iterable[SpecifierSet], hashes: Iterable[frozenset[str]]
) -> Wish:
    """Combine every line that asks for a project on one target into one wish."""
    combined = SpecifierSet()
    for specifier in specifiers:
        combined &= specifier
    # A line without hashes does not widen what another line limits.
    limiting = [each for each in hashes if each]
    allowed = frozenset.intersection(*limiting) if limiting else frozenset()
    # Lines that contradict each other allow nothing, and an empty set would allow everything.
    return Wish(project, combined, allowed or frozenset({"sha256:none"} if limiting else ()))


def _of_version(wish: Wish, candidates: Sequence[Candidate]) -> list[Candidate]:
    # Once for all targets: a page of thousands of files has a few dozen versions.
    versions = {candidate.version for candidate in candidates}
    wanted = {version for version in versions if wish.specifier.contains(version, prereleases=True)}
    return [candidate for candidate in candidates if candidate.version in wanted]


def _planned(file: WantedFile, held_sha256: str | None) -> Planned:
    if held_sha256 is None:
        return Planned(Step.GET, file)
    if _same_bytes(file, held_sha256):
        return Planned(Step.KEEP, file, held_sha256)
    return Planned(Step.CONFLICT, file, held_sha256)


def _same_bytes(file: WantedFile, held_sha256: str) -> bool:
    if file.candidate.sha256 is not None:
        return file.candidate.sha256 == held_sha256
    listed = {text for text in file.hashes if text.startswith("sha256:")}
    # Without any digest to compare with, a name is all there is: it was allowed to be so.
    return not listed or f"sha256:{held_sha256}" in listed


def _miss(wish: Wish, target: Target, verdicts: Sequence[FileVerdict]) -> Miss:
    nearest = _nearest(verdicts)
    if nearest is not ChoiceReason.REQUIRES_PYTHON:
        return Miss(wish, target.name, nearest)
    asked = (one.candidate.requires_python for one in verdicts if one.rule is nearest)
    return Miss(wish, target.name, nearest, next(asked, None))


def _nearest(verdicts: Sequence[FileVerdict]) -> ChoiceReason | None:
    refused = {verdict.rule for verdict in verdicts}
    return next((rule for rule in _NEARNESS if rule in refused), None)
