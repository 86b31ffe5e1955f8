"""Environments: what is installed together, a set of the configuration or a file whose pins are moved.

A directory is none: it holds what is never installed together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.filenames import parse
from pypitool.core.mirror.closure import AvailableFiles, Need, Root, prove
from pypitool.core.mirror.implied_targets import implied_targets
from pypitool.core.mirror.joint_update import excluding, loosened_lines, movable_pins
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.selection import fits
from pypitool.core.mirror.target_words import PythonVersion
from pypitool.core.mirror.targets import Target
from pypitool.mirror.available import WithoutDependencies
from pypitool.mirror.inputs import Fetch, read_inputs
from pypitool.mirror.sets import Closure, SetRequest, pin_set

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Environment:
    """One environment, and the files among its inputs that are to be rewritten."""

    request: SetRequest
    files: tuple[Path, ...] = ()
    is_set: bool = True  # of the configuration

    @property
    def name(self) -> str:
        """The set's name, or the file's."""
        return self.request.name

    @property
    def targets(self) -> tuple[Target, ...]:
        """The machines that it is for."""
        return self.request.fitting

    @cached_property
    def pins(self) -> Mapping[NormalizedName, Version]:
        """The projects whose pins may move, with what they are pinned to."""
        return movable_pins(self.request.inputs.wanted, self._may_move)

    def _may_move(self, line: RequirementLine) -> bool:
        # Where a file of it is rewritten, what stands in its other files stays.
        return not self.files or self.rewrites(line)

    def rewrites(self, line: RequirementLine) -> bool:
        """Tell whether a line stands in a file that is rewritten."""
        return Path(os.path.realpath(line.source.file)) in self._rewritten

    @cached_property
    def _rewritten(self) -> frozenset[Path]:
        return frozenset(path.resolve() for path in self.files)

    def standing(self, available: AvailableFiles) -> Standing:
        """Say what it installs now, by what is here, and what all of that asks for."""
        loose = loosened_lines(self.request.inputs.wanted, self.pins)
        own = WithoutDependencies(available) if self.request.closure is Closure.OFF else available
        pinned = pin_set(self.request, {})
        roots = [Root(line.requirement, str(line.source)) for line in loose]
        proofs = {target: prove(roots, target, own, pinned.pins(target)) for target in self.targets}
        used = frozenset().union(*(proof.used for proof in proofs.values()))
        needs = [need for proof in proofs.values() for need in proof.needs]
        is_whole = not any(proof.holes for proof in proofs.values())
        return Standing({**_highest(used), **self.pins}, _once((*needs, *self._limits())), is_whole)

    def _limits(self) -> Iterator[Need]:
        for line in self.request.inputs.constraints:
            if any(target.applies(line.requirement.marker) for target in self.targets):
                yield Need(line.requirement, str(line.source))


@dataclass(frozen=True, slots=True)
class Standing:
    """What an environment installs, and what that asks for."""

    have: Mapping[NormalizedName, Version]  # the pins, and what else is taken from the directory
    needs: tuple[Need, ...]
    is_whole: bool  # nothing that it asks for is missing

    def excluded(self, project: NormalizedName, versions: Iterable[Version]) -> dict[Version, Need]:
        """Return the releases of a project that something asks not to have."""
        mine = [need for need in self.needs if canonicalize_name(need.requirement.name) == project]
        found = ((version, excluding(project, version, mine)) for version in versions)
        return {version: need for version, need in found if need is not None}


def _highest(filenames: Iterable[str]) -> dict[NormalizedName, Version]:
    highest: dict[NormalizedName, Version] = {}
    for file in map(parse, filenames):
        version = file.parsed_version
        if version is not None:
            highest[file.project] = max(version, highest.get(file.project, version))
    return highest


def _once(needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple({(str(need.requirement), need.required_by): need for need in needs}.values())


def sharing_files(items: Iterable[T], environment_of: Callable[[T], Environment]) -> list[tuple[T, ...]]:
    """Put together what shares a file that is rewritten; each other one is alone."""
    groups: list[list[T]] = []
    for item in items:
        files = set(environment_of(item).files)
        mine = [group for group in groups if any(files & set(environment_of(one).files) for one in group)]
        groups = [group for group in groups if group not in mine]
        groups.append([*(one for group in mine for one in group), item])
    return [tuple(group) for group in groups]


def read_environments(
    sets: Sequence[SetRequest], files: Sequence[Path], alone: SetRequest, fetch: Fetch | None = None
) -> tuple[Environment, ...]:
    """Return the sets that want something somewhere, and the files of none, for whom `alone` is."""
    inputs = {
        one.name: frozenset(Path(os.path.realpath(each.path)) for each in one.inputs.files) for one in sets
    }
    found = [
        Environment(one, tuple(path for path in files if path.resolve() in inputs[one.name])) for one in sets
    ]
    taken = {path for one in found for path in one.files}
    found += [_of_file(path, alone, fetch) for path in files if path not in taken]
    return tuple(one for one in found if one.request.inputs.wanted and one.targets)


def _of_file(path: Path, alone: SetRequest, fetch: Fetch | None) -> Environment:
    inputs = read_inputs(requirements=[path], fetch=fetch)
    formats = inputs.formats
    rules = replace(alone.rules, formats=formats, prereleases=alone.rules.prereleases or inputs.prereleases)
    request = replace(alone, name=str(path), inputs=inputs, rules=rules)
    return Environment(request, (path,), is_set=False)


def aimed(environment: Environment, available: AvailableFiles, host: Target) -> Environment:
    """Return a file's environment for the machines that what is here is for, if this is none of them."""
    machines: dict[tuple[PythonVersion, str], Target] = {}
    for name, version in environment.pins.items():
        files = [file for file in available.candidates(name) if file.version == version]
        if files and not any(fits(file, host) for file in files):
            for likely in implied_targets(files, host).values():
                machines.setdefault((likely.python, likely.platform.word), likely)
    if environment.is_set or not machines:
        return environment
    request = replace(environment.request, targets=tuple(machines.values()))
    return replace(environment, request=request)
