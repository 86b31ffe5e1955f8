"""One environment moved as a whole: what is asked of the resolver, and what its answer says.

An environment is what is installed together. Its pins become lower bounds, so nothing steps back, and all
else that its lines say stays a limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.closure import Need
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.targets import Target
from pypitool.core.versions import parsed

Releases = Mapping[NormalizedName, Version]

# What tells one target from another in a marker, the plainest first.
_TELLING = ("sys_platform", "python_version", "platform_machine", "implementation_name")


def pinned_version(specifier: SpecifierSet) -> Version | None:
    """Return the one version that a specifier names; None when it names none, or one that is no version."""
    for clause in specifier:
        if clause.operator in ("==", "===") and not clause.version.endswith(".*"):
            return parsed(clause.version)
    return None


def movable_pins(
    lines: Iterable[RequirementLine], may_move: Callable[[RequirementLine], bool]
) -> dict[NormalizedName, Version]:
    """Return the projects that are pinned to one version, by lines that may all be moved.

    What the lines pin differently for different machines stays as it is.
    """
    pins: dict[NormalizedName, set[Version]] = defaultdict(set)
    fixed: set[NormalizedName] = set()
    for line in lines:
        name, version = canonicalize_name(line.requirement.name), pinned_version(line.requirement.specifier)
        if version is not None:
            pins[name].add(version)
            if not may_move(line):
                fixed.add(name)
    return {
        name: next(iter(versions))
        for name, versions in pins.items()
        if len(versions) == 1 and name not in fixed
    }


def loosened(requirement: Requirement) -> Requirement:
    """Turn a pin into a lower bound, with its extras and marker; what else limits it stays."""
    version = pinned_version(requirement.specifier)
    if version is None:
        return requirement
    others = [str(clause) for clause in requirement.specifier if clause.operator not in ("==", "===")]
    # PEP 440: an order with a local version is none; `>=2.8.0` takes `2.8.0+cpu` as well.
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return Requirement(f"{requirement.name}{extras}{','.join((f'>={version.public}', *others))}{marker}")


def loosened_lines(
    lines: Iterable[RequirementLine], movable: Iterable[NormalizedName]
) -> tuple[RequirementLine, ...]:
    """Loosen the pins of these projects, whose hashes are those of what they have; other lines stay."""
    names = frozenset(movable)
    return tuple(
        replace(line, requirement=loosened(line.requirement), hashes=frozenset())
        if canonicalize_name(line.requirement.name) in names
        else line
        for line in lines
    )


def repinned_lines(
    lines: Iterable[RequirementLine], moves: Mapping[NormalizedName, Version]
) -> tuple[RequirementLine, ...]:
    """Move the pins of these projects; the hashes of what they were pinned to go."""
    return tuple(
        replace(line, requirement=_repinned(line.requirement, moves[name]), hashes=frozenset())
        if (name := canonicalize_name(line.requirement.name)) in moves
        and pinned_version(line.requirement.specifier) is not None
        else line
        for line in lines
    )


def _repinned(requirement: Requirement, version: Version) -> Requirement:
    others = [str(clause) for clause in requirement.specifier if clause.operator not in ("==", "===")]
    moved = Requirement(str(requirement))
    moved.specifier = SpecifierSet(",".join((f"=={version}", *others)))
    return moved


@dataclass(frozen=True, slots=True)
class JointAnswer:
    """What the resolver chose for each target; a marker says for which machines, where it said so itself."""

    chosen: Mapping[Target, Releases]
    markers: Mapping[NormalizedName, str | None]
    is_universal: bool

    def everywhere(self) -> Releases:
        """Return the release of each project, on whatever target; where they differ, the lowest."""
        found: dict[NormalizedName, Version] = {}
        for releases in self.chosen.values():
            for name, version in releases.items():
                found[name] = min(version, found.get(name, version))
        return found

    def differing(self) -> frozenset[NormalizedName]:
        """Return the projects of which two targets get different releases."""
        versions: dict[NormalizedName, set[Version]] = defaultdict(set)
        for releases in self.chosen.values():
            for name, version in releases.items():
                versions[name].add(version)
        return frozenset(name for name, found in versions.items() if len(found) > 1)

    def targets_of(self, project: NormalizedName) -> tuple[Target, ...]:
        """Return the targets that get a release of a project."""
        return tuple(target for target, releases in self.chosen.items() if project in releases)

    def marker_of(self, project: NormalizedName) -> str | None:
        """Say for which machines a project is chosen; None: for all."""
        if self.is_universal:
            return self.markers.get(project)
        return telling_marker(self.targets_of(project), tuple(self.chosen))


def read_answer(
    answers: Mapping[str | None, Sequence[RequirementLine]], targets: Sequence[Target]
) -> JointAnswer:
    """Read the pins that the resolver wrote: by target's name, or for all of them under None."""
    chosen: dict[Target, Releases] = {}
    for target in targets:
        lines = answers[target.name] if target.name in answers else answers.get(None, ())
        chosen[target] = {
            canonicalize_name(line.requirement.name): version
            for line in lines
            if target.applies(line.requirement.marker)
            and (version := pinned_version(line.requirement.specifier)) is not None
        }
    return JointAnswer(chosen, _markers(answers.get(None, ())), None in answers)


def _markers(lines: Iterable[RequirementLine]) -> Mapping[NormalizedName, str | None]:
    found: dict[NormalizedName, list[str | None]] = defaultdict(list)
    for line in lines:
        marker = line.requirement.marker
        found[canonicalize_name(line.requirement.name)].append(None if marker is None else str(marker))
    return {name: _either(markers) for name, markers in found.items()}


def _either(markers: Sequence[str | None]) -> str | None:
    texts = [marker for marker in markers if marker is not None]
    if len(texts) < len(markers):
        return None
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" for text in texts)


def telling_marker(some: Sequence[Target], every: Sequence[Target]) -> str | None:
    """Write a marker that is true for some targets and false for the others; None: these are all."""
    others = [target for target in every if target not in some]
    if not others:
        return None
    for variable in _TELLING:
        values = sorted({target.environment[variable] for target in some})
        if not {target.environment[variable] for target in others} & set(values):
            return " or ".join(f"{variable} == {value!r}" for value in values)
    return " or ".join(f"({_described(target)})" for target in some)


def _described(target: Target) -> str:
    return " and ".join(f"{variable} == {target.environment[variable]!r}" for variable in _TELLING)


def excluding(project: NormalizedName, version: Version, needs: Iterable[Need]) -> Need | None:
    """Return the first need that a release of a project would not satisfy."""
    for need in needs:
        if canonicalize_name(need.requirement.name) == project and not need.requirement.specifier.contains(
            version, prereleases=True
        ):
            return need
    return None


def unmet(
    who: str,
    requires: Iterable[Requirement],
    extras: frozenset[str],
    releases: Releases,
    targets: Sequence[Target],
) -> Need | None:
    """Return what a release asks for that the chosen ones do not satisfy, else what nobody chose."""
    applying = [
        requirement
        for requirement in requires
        if any(target.applies(requirement.marker, extra) for target in targets for extra in {"", *extras})
    ]
    for requirement in applying:
        version = releases.get(canonicalize_name(requirement.name))
        if version is not None and not requirement.specifier.contains(version, prereleases=True):
            return Need(requirement, who)
    absent = (one for one in applying if canonicalize_name(one.name) not in releases)
    return next((Need(requirement, who) for requirement in absent), None)


def needed_by(needs: Iterable[Need], releases: Releases) -> dict[NormalizedName, frozenset[NormalizedName]]:
    """Say of each project which of the releases ask for it."""
    called = {f"{name} {version}": name for name, version in releases.items()}
    found: dict[NormalizedName, set[NormalizedName]] = defaultdict(set)
    for need in needs:
        if need.required_by in called:
            found[canonicalize_name(need.requirement.name)].add(called[need.required_by])
    return {name: frozenset(names) for name, names in found.items()}


def to_be_added(
    added: Iterable[NormalizedName],
    moved: Iterable[NormalizedName],
    needing: Mapping[NormalizedName, frozenset[NormalizedName]],
) -> dict[NormalizedName, frozenset[NormalizedName]]:
    """Choose what new releases need of what no line names, and what that needs; and say who needs it."""
    missing, news = set(added), set(moved)
    while found := {name for name in missing - news if needing.get(name, frozenset()) & news}:
        news |= found
    return {name: needing[name] & news for name in sorted(missing & news)}
