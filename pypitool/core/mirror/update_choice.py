"""Which newer release to offer, why newer ones are held back, and whether the offer is of the same project.

Whoever registers a name of ours elsewhere with a higher version must not be believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pypitool.core.mirror.closure import Need
from pypitool.core.mirror.selection import Candidate, SelectionRules, fits
from pypitool.core.mirror.shown_releases import is_too_young
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind, HeldFile, OriginKind


class HoldReason(str, Enum):
    """Why a newer release is not offered."""

    YANKED = "yanked"
    REQUIRES_PYTHON = "requires-python"
    COOLDOWN = "cooldown"
    POLICY = "policy"
    NO_FILE = "no-file"
    PRERELEASE = "prerelease"
    MAX = "max"
    PRIVATE = "private"
    CONSTRAINT = "constraint"  # what else is installed beside it excludes it


class MaxChange(str, Enum):
    """The largest step that --max allows."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """What limits the offer."""

    prereleases: bool = False
    max_change: MaxChange = MaxChange.MAJOR
    cooldown: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class UpdateTerms:
    """What decides which release is offered."""

    targets: Sequence[Target]
    guesses: bool = False  # nobody named targets: take files for the machines that the wheels here are for
    rules: UpdateRules = UpdateRules()
    selection: SelectionRules = SelectionRules()
    unhashed: frozenset[str] = frozenset()  # upstreams that may omit sha256


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A newer release that is not offered."""

    version: Version
    reason: HoldReason
    excluded_by: Need | None = None  # with CONSTRAINT, where it is known
    unfit: Unfit | None = None  # with REQUIRES_PYTHON and NO_FILE


@dataclass(frozen=True, slots=True)
class Unfit:
    """The target that a release is not for, and which Python it asks for there; None: it has no file."""

    target: Target
    requires_python: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedRelease:
    """A newer release, and what holds it back; None: it passes every rule."""

    version: Version
    files: tuple[Candidate, ...]
    reason: HoldReason | None
    unfit: Unfit | None = None


@dataclass(frozen=True, slots=True)
class UpdateChoice:
    """What `update` says of one project; `new` is None when nothing is offered."""

    have: Version
    new: Version | None
    uploaded: str | None  # the first upload of the new release
    files: tuple[Candidate, ...] = ()  # of the new release
    held: tuple[HeldBack, ...] = ()


# Says why the files of a release are none that may be fetched; None: they may.
Judge = Callable[[Sequence[Candidate]], HoldReason | None]


def served_targets(have: Version, ours: Iterable[Candidate], targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return the targets that have a file of the release that we have."""
    files = [candidate for candidate in ours if candidate.version == have]
    return tuple(target for target in targets if any(fits(file, target) for file in files))


def judged_releases(
    have: Version,
    offers: Iterable[Candidate],
    served: Sequence[Target],
    rules: UpdateRules,
    now: datetime,
    judge: Judge,
) -> Iterator[JudgedRelease]:
    """Judge each newer release for itself, the newest first."""
    releases: dict[Version, list[Candidate]] = defaultdict(list)
    for candidate in offers:
        if candidate.version > have:
            releases[candidate.version].append(candidate)
    for version in sorted(releases, reverse=True):
        files = tuple(releases[version])
        ripe = tuple(file for file in files if not is_too_young(file.upload_time, rules.cooldown, now))
        reason = _held_back(version, have, files, ripe, served, rules) or judge(ripe)
        is_unfit = reason in (HoldReason.REQUIRES_PYTHON, HoldReason.NO_FILE)
        yield JudgedRelease(version, ripe, reason, _unfit(ripe, served) if is_unfit else None)


def chosen_of(
    have: Version, releases: Iterable[JudgedRelease], excluded: Mapping[Version, Need | None]
) -> UpdateChoice:
    """Choose the newest release that passes and is not excluded; all that are newer are held back."""
    held: list[HeldBack] = []
    for release in releases:
        version = release.version
        if release.reason is not None:
            held.append(HeldBack(version, release.reason, unfit=release.unfit))
        elif version in excluded:
            held.append(HeldBack(version, HoldReason.CONSTRAINT, excluded[version]))
        else:
            return UpdateChoice(have, version, _first_upload(release.files), release.files, tuple(held))
    return UpdateChoice(have, None, None, (), tuple(held))


def choice_of(
    have: Version, releases: Iterable[JudgedRelease], chosen: Version, excluded: Mapping[Version, Need]
) -> UpdateChoice:
    """Tell of the release that was chosen together with others, and what held the newer ones back."""
    judged = list(releases)
    held = tuple(
        HeldBack(one.version, one.reason or HoldReason.CONSTRAINT, excluded.get(one.version), one.unfit)
        for one in judged
        if one.version > chosen
    )
    if chosen <= have:
        return UpdateChoice(have, None, None, (), held)
    files = next((one.files for one in judged if one.version == chosen), ())
    return UpdateChoice(have, chosen, _first_upload(files), files, held)


def within(max_change: MaxChange, have: Version, new: Version) -> bool:
    """Tell whether the step from `have` to `new` is small enough; another epoch is major."""
    if max_change is MaxChange.MAJOR:
        return True
    if have.epoch != new.epoch:
        return False
    kept = 2 if max_change is MaxChange.PATCH else 1
    return _leading(have, kept) == _leading(new, kept)


def step_limit(max_change: MaxChange, have: Version) -> SpecifierSet | None:
    """Return what `within` allows as a specifier; None: everything."""
    if max_change is MaxChange.MAJOR:
        return None
    leading = ".".join(map(str, _leading(have, 2 if max_change is MaxChange.PATCH else 1)))
    return SpecifierSet(f"=={have.epoch}!{leading}.*" if have.epoch else f"=={leading}.*")


def _leading(version: Version, count: int) -> tuple[int, ...]:
    return (*version.release, 0, 0)[:count]


def _held_back(
    version: Version,
    have: Version,
    files: Sequence[Candidate],
    ripe: Sequence[Candidate],
    served: Sequence[Target],
    rules: UpdateRules,
) -> HoldReason | None:
    if all(file.yanked is not None for file in files):
        return HoldReason.YANKED
    if version.is_prerelease and not (rules.prereleases or have.is_prerelease):
        return HoldReason.PRERELEASE
    if not within(rules.max_change, have, version):
        return HoldReason.MAX
    reason = _no_file(ripe, served)
    # A file for one of the machines may come days after the others, and is young by itself.
    waits = reason is not None and len(ripe) < len(files) and _no_file(files, served) is None
    return HoldReason.COOLDOWN if waits else reason


def _no_file(files: Sequence[Candidate], served: Sequence[Target]) -> HoldReason | None:
    unfit = _unfit(files, served)
    if unfit is not None:
        return HoldReason.NO_FILE if unfit.requires_python is None else HoldReason.REQUIRES_PYTHON
    return None if _usable(files) else HoldReason.NO_FILE


def _unfit(files: Sequence[Candidate], served: Sequence[Target]) -> Unfit | None:
    """Return the first target that has none of the files, and why."""
    usable = _usable(files)
    for target in served:
        if usable and not any(target.runs(file.requires_python) for file in usable):
            return Unfit(target, usable[0].requires_python)
        if not any(fits(file, target) for file in usable):
            return Unfit(target)
    return None


def _usable(files: Sequence[Candidate]) -> list[Candidate]:
    return [file for file in files if file.yanked is None and file.kind is not FileKind.LEGACY]


def _first_upload(files: Sequence[Candidate]) -> str | None:
    return min((file.upload_time for file in files if file.upload_time), default=None)


def is_same_project(files: Sequence[HeldFile], offers: Iterable[Candidate], upstream: str) -> bool:
    """Tell whether what an upstream offers is the project that we hold, and no stranger of its name.

    It is where a file of ours came from that very upstream, or where it lists one of ours with its bytes.
    """
    if any(file.origin.kind is OriginKind.MIRRORED and file.origin.detail == upstream for file in files):
        return True
    ours = {file.contents.digests.sha256 for file in files}
    return any(offer.sha256 in ours for offer in offers)
