"""An environment moved as one: the resolver is asked, its answer read, and what it leaves is explained.

Each pin is loosened to a lower bound. Where the answer has different releases of a pinned project for
different targets, the project stays, and the resolver is asked again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.joint_update import (
    JointAnswer,
    loosened_lines,
    pinned_version,
    read_answer,
    repinned_lines,
)
from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.shown_releases import ReleaseRules
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import MaxChange, step_limit
from pypitool.mirror.environments import Environment, Standing
from pypitool.mirror.relay_pages import ReleaseSources
from pypitool.mirror.resolve import ResolverRequest, answerable, resolve
from pypitool.mirror.sets import Closure, SetRequest


class NoJointAnswer(PypitoolError):
    """Whatever is asked, some project would need different releases on different targets."""

    kind = Kind.INVALID
    sentence = "no single release of {projects} does for all targets"
    projects: str


@dataclass(frozen=True, slots=True)
class MoveTerms:
    """What limits how an environment moves."""

    rules: ReleaseRules = ReleaseRules()
    max_change: MaxChange = MaxChange.MAJOR
    named: frozenset[NormalizedName] = frozenset()  # what alone is to move; none: everything
    only_held: frozenset[NormalizedName] = frozenset()  # stay: nobody may be asked, or nobody answers
    served: Mapping[NormalizedName, Sequence[Target]] = field(default_factory=dict)
    decided: Mapping[NormalizedName, Version] = field(default_factory=dict)  # by whom it shares a file with


@dataclass(frozen=True)
class Moved:
    """Where an environment moves to."""

    environment: Environment
    standing: Standing
    answer: JointAnswer
    failed: Mapping[NormalizedName, PypitoolError]  # pages that were asked for on the way

    @cached_property
    def releases(self) -> Mapping[NormalizedName, Version]:
        """The release of each project; of one that is not pinned and differs, the lowest."""
        return self.answer.everywhere()

    @cached_property
    def moves(self) -> Mapping[NormalizedName, Version]:
        """The pins that move, with what they move to."""
        pins = self.environment.pins
        return {
            name: version for name, version in self.releases.items() if name in pins and version != pins[name]
        }

    @cached_property
    def added(self) -> Mapping[NormalizedName, Version]:
        """What it installs that no line names."""
        named = {canonicalize_name(line.requirement.name) for line in self.environment.request.inputs.wanted}
        return {name: version for name, version in self.releases.items() if name not in named}

    def extras_of(self, project: NormalizedName) -> frozenset[str]:
        """Return the extras with which lines name a project."""
        return frozenset(
            canonicalize_name(extra)
            for line in self.environment.request.inputs.wanted
            if canonicalize_name(line.requirement.name) == project
            for extra in line.requirement.extras
        )

    def request(self, without: frozenset[NormalizedName] = frozenset()) -> SetRequest:
        """Return the environment as a set whose pins have moved, but for some."""
        request = self.environment.request
        moves = {name: version for name, version in self.moves.items() if name not in without}
        wanted = repinned_lines(request.inputs.wanted, moves)
        return replace(request, inputs=replace(request.inputs, wanted=wanted))


def move_environment(
    environment: Environment,
    standing: Standing,
    terms: MoveTerms,
    sources: ReleaseSources,
    environ: Mapping[str, str],
) -> Moved:
    """Ask where an environment can move to; raise what makes that impossible."""
    stays: dict[NormalizedName, Version] = {}
    for _ in range(len(environment.targets) + 1):
        question = _question(environment, standing, terms, stays, sources)
        resolved = resolve(question, sources, environ)
        answers = {answer.target: answer.inputs.wanted for answer in resolved.answers}
        answer = read_answer(answers, environment.targets)
        differing = answer.differing() & _to_agree(environment, answer)
        if not differing:
            return Moved(environment, standing, answer, resolved.failed)
        lowest = answer.everywhere()
        stays |= {name: standing.have.get(name, lowest[name]) for name in differing}
    raise NoJointAnswer(", ".join(sorted(differing)))


def _to_agree(environment: Environment, answer: JointAnswer) -> frozenset[NormalizedName]:
    """Return the projects that need one release for all targets: what a line pins, or will pin."""
    request = environment.request
    if request.closure is Closure.RESOLVE and not environment.files:
        return frozenset(environment.pins)
    return frozenset(answer.everywhere()) - _pinned_differently(request.inputs.wanted)


def _pinned_differently(lines: Sequence[RequirementLine]) -> frozenset[NormalizedName]:
    versions: dict[NormalizedName, set[Version]] = defaultdict(set)
    for line in lines:
        version = pinned_version(line.requirement.specifier)
        if version is not None:
            versions[canonicalize_name(line.requirement.name)].add(version)
    return frozenset(name for name, found in versions.items() if len(found) > 1)


def _question(
    environment: Environment,
    standing: Standing,
    terms: MoveTerms,
    stays: Mapping[NormalizedName, Version],
    sources: ReleaseSources,
) -> ResolverRequest:
    inputs = environment.request.inputs
    moving = environment.pins.keys() - terms.only_held
    # What is pinned differently for different machines was chosen by its lines; they stand in the question.
    have = {
        name: version
        for name, version in standing.have.items()
        if name not in _pinned_differently(inputs.wanted)
    }
    limits = (*_fixed({**terms.decided, **stays}), *_steps(have, terms))
    return ResolverRequest(
        wanted=answerable(loosened_lines(inputs.wanted, moving), sources.private_names),
        targets=environment.targets,
        constraints=(*inputs.constraints, *limits),
        rules=terms.rules,
        preferences=have,
        upgraded=(terms.named or frozenset(have)) & have.keys(),
        one_version=True,
        served=terms.served,
        only_held=terms.only_held,
        no_dependencies=environment.request.closure is Closure.OFF,
        passes_over=True,
    )


def _fixed(versions: Mapping[NormalizedName, Version]) -> Iterator[RequirementLine]:
    for name, version in versions.items():
        yield _limit(name, SpecifierSet(f"=={version}"))


def _steps(have: Mapping[NormalizedName, Version], terms: MoveTerms) -> Iterator[RequirementLine]:
    for name, version in have.items():
        limit = step_limit(terms.max_change, version)
        if limit is not None and name not in terms.only_held:
            yield _limit(name, limit)


def _limit(name: NormalizedName, specifier: SpecifierSet) -> RequirementLine:
    return RequirementLine(Requirement(f"{name}{specifier}"), frozenset(), LinePosition("update", 1))
