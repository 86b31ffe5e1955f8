"""Wishes that no offered file satisfies: which of them fail their project, and why the others are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind
from pypitool.core.mirror.run_events import ProjectEvent, WarningEvent
from pypitool.core.mirror.selection import ChoiceReason, WhyNot
from pypitool.core.mirror.sync_plan import Miss
from pypitool.core.model import ProjectStatus
from pypitool.mirror.available import HeldFiles, Refusals
from pypitool.mirror.choices import SetMiss
from pypitool.mirror.offers import ProjectOffer

# What a refusal by rule means for the run; every other miss is a hole, which the proof names.
_REFUSALS = {
    ChoiceReason.HASH: (Kind.INVALID, "no file has a hash that the requirement lists"),
    ChoiceReason.UNHASHED: (
        Kind.INVALID,
        "the upstream gives no sha256; allow-unhashed would take it all the same",
    ),
    ChoiceReason.TOO_BIG: (Kind.INVALID, "its files are larger than max-file-size"),
    ChoiceReason.COOLDOWN: (Kind.INVALID, "its files are younger than the cooldown; an exact pin takes them"),
    ChoiceReason.YANKED: (Kind.INVALID, "it is yanked, and the policy takes no yanked files"),
}


# Why a version that is offered has no file for a target.
_UNFIT = {
    ChoiceReason.TAGS: "no file of it is for this platform and Python",
    ChoiceReason.FORMAT: "only-binary or no-binary excludes its files",
    ChoiceReason.FILES_POLICY: "the files policy excludes what it has",
    ChoiceReason.LEGACY: "it has legacy kinds of files only",
}


def explain_misses(
    misses: Iterable[SetMiss], offers: Mapping[NormalizedName, ProjectOffer], held_files: HeldFiles
) -> Iterator[ProjectEvent | WarningEvent]:
    """Say of each project what keeps its files away; what only a target lacks is missing, and said there."""
    events = (_miss_event(missed.miss, offers[missed.miss.wish.project], held_files) for missed in misses)
    # Once for a project, however many sets and targets want it.
    yield from dict.fromkeys(event for event in events if event is not None)


def _miss_event(
    miss: Miss, offered: ProjectOffer, held_files: HeldFiles
) -> ProjectEvent | WarningEvent | None:
    project, wanted = miss.wish.project, f"{miss.wish.project}{miss.wish.specifier}"
    if miss.reason in _REFUSALS:
        kind, reason = _REFUSALS[miss.reason]
        return ProjectEvent(project, kind, f"{wanted}: {reason}")
    if miss.reason is not None:
        return None
    if offered.status is ProjectStatus.QUARANTINED:
        why = f": {offered.status_reason}" if offered.status_reason else ""
        return ProjectEvent(project, Kind.NOT_FOUND, f"{project} is quarantined by {offered.upstream}{why}")
    held = (candidate.version for candidate in held_files.candidates(project))
    if any(miss.wish.specifier.contains(version, prereleases=True) for version in held):
        return WarningEvent(
            f"{offered.upstream} no longer offers {wanted}; the files here stay", project=project
        )
    elsewhere = _index_of_its_own(miss)
    return ProjectEvent(project, Kind.NOT_FOUND, f"{offered.upstream} has no {wanted}{elsewhere}")


def _index_of_its_own(miss: Miss) -> str:
    """Say where builds such as `torch 2.8.0+cpu` are: the public index takes no local versions."""
    versions = [specifier.version for specifier in miss.wish.specifier]
    local = next((version.partition("+")[2] for version in versions if "+" in version), None)
    if local is None:
        return ""
    table = f'[upstream.NAME] with `projects = ["{miss.wish.project}"]`'
    return f"; `+{local}` is a build of somebody's own index: name that one as {table}"


def refusals(misses: Iterable[SetMiss], offers: Mapping[NormalizedName, ProjectOffer]) -> Refusals:
    """Return the reasons that pages gave: `missing` alone sounds like a wrong name."""
    return {
        (missed.set, missed.miss.target, missed.miss.wish.project): why
        for missed in misses
        if (why := _why_not(missed.miss, offers[missed.miss.wish.project].upstream)) is not None
    }


def _why_not(miss: Miss, upstream: str) -> WhyNot | None:
    if miss.reason is ChoiceReason.REQUIRES_PYTHON:
        asked = miss.requires_python
        return WhyNot(f"{upstream} has it for Python {asked}", requires_python=asked)
    if miss.reason in _REFUSALS:
        return WhyNot(_REFUSALS[miss.reason][1])
    why = _UNFIT.get(miss.reason) if miss.reason is not None else None
    return WhyNot(f"{upstream} has it, but {why}") if why else None
