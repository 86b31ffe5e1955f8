"""What is asked for: named sets of the configuration, or what a `download` names, as wishes for targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.mirror.closure import Root
from pypitool.core.mirror.requirement_lines import LineFault, RequirementLine
from pypitool.core.mirror.selection import SelectionRules, Wish
from pypitool.core.mirror.sync_plan import wish_for
from pypitool.core.mirror.targets import Target
from pypitool.mirror.inputs import InputFaults, Inputs

_REMEDY = 'pin it with `==`, or say closure = "resolve" (--resolve)'


class Closure(str, Enum):
    """What is done about the dependencies of a set."""

    CHECK = "check"  # everything is pinned, and the proof names what is missing
    RESOLVE = "resolve"  # uv adds what is missing
    OFF = "off"  # nothing but what is named


@dataclass(frozen=True, slots=True)
class SetRequest:
    """One set with everything that decides which files it wants."""

    name: str
    inputs: Inputs
    targets: tuple[Target, ...]
    closure: Closure = Closure.CHECK
    rules: SelectionRules = SelectionRules()
    cooldown: timedelta = timedelta()  # of what is chosen for it
    exact: tuple[RequirementLine, ...] = ()  # stay as they are where the other lines are resolved
    title: str | None = None  # in sentences; None: its name

    @property
    def called(self) -> str:
        """Its name in sentences."""
        return self.title or self.name

    @property
    def fitting(self) -> tuple[Target, ...]:
        """The targets that the locks among its inputs are for; on others nothing of it installs."""
        return tuple(target for target in self.targets if not self.inputs.misfits(target))


@dataclass(frozen=True)
class PinnedSet:
    """A set after resolving: which lines hold for which target, and where the proof begins."""

    request: SetRequest
    lines: Mapping[Target, tuple[RequirementLine, ...]]

    @cached_property
    def wishes(self) -> Mapping[NormalizedName, Mapping[Target, Wish]]:
        """What each target wants of each project."""
        wishes: dict[NormalizedName, dict[Target, Wish]] = defaultdict(dict)
        for target, lines in self.lines.items():
            for project, asked in _by_project(lines).items():
                specifiers = [self.request.inputs.pin_of(line, target) for line in asked]
                wishes[project][target] = wish_for(project, specifiers, [line.hashes for line in asked])
        return wishes

    def roots(self, target: Target) -> list[Root]:
        """Return the lines of the input that concern a target."""
        return [
            Root(line.requirement, str(line.source))
            for line in self.request.inputs.wanted
            if target.applies(line.requirement.marker) and target in self.lines
        ]

    def pins(self, target: Target) -> dict[NormalizedName, SpecifierSet]:
        """Return the version that the set gives a target of each project."""
        return {
            project: wish[target].specifier
            for project, wish in self.wishes.items()
            if target in wish and wish[target].is_pinned
        }


def pin_set(request: SetRequest, resolved: Mapping[str | None, Inputs]) -> PinnedSet:
    """Combine a set with what uv resolved: by target's name, or for all of them under None."""
    return PinnedSet(
        request,
        {
            target: tuple(
                line
                for line in _lines_for(request, resolved, target)
                if target.applies(line.requirement.marker)
            )
            for target in request.fitting
        },
    )


def refuse_unpinned(requests: Sequence[SetRequest]) -> None:
    """Raise `InputFaults` for each line of a checked set that names no exact version."""
    faults = [
        LineFault(f"`{line.requirement}` names no exact version: {_REMEDY}", line.source)
        for request in requests
        if request.closure is Closure.CHECK
        for line in request.inputs.unpinned(request.fitting)
    ]
    if faults:
        raise InputFaults(faults)


def _lines_for(
    request: SetRequest, resolved: Mapping[str | None, Inputs], target: Target
) -> tuple[RequirementLine, ...]:
    answer = resolved.get(target.name) or resolved.get(None)
    if answer is None:
        return request.inputs.wanted
    # uv does not look at hashes: those of the lines limit what it chose.
    hashes = {canonicalize_name(line.requirement.name): line.hashes for line in request.inputs.wanted}
    return (
        tuple(
            RequirementLine(
                line.requirement,
                hashes.get(canonicalize_name(line.requirement.name)) or line.hashes,
                line.source,
            )
            for line in answer.wanted
        )
        + request.exact
    )


def _by_project(lines: Iterable[RequirementLine]) -> dict[NormalizedName, list[RequirementLine]]:
    by_project: dict[NormalizedName, list[RequirementLine]] = defaultdict(list)
    for line in lines:
        by_project[canonicalize_name(line.requirement.name)].append(line)
    return by_project
