"""Which files of a project a resolver may see: releases that pass every rule, with files for the targets.

Whatever is chosen is chosen among these. A release that is pinned exactly was chosen by who wrote the pin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from packaging.version import Version

from pypitool.core.mirror.selection import Candidate, FilesPolicy, SelectionRules, fits
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """What a release has to pass before anybody may choose it."""

    selection: SelectionRules = SelectionRules()
    cooldown: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class ProjectTerms:
    """What is asked for of one project, as far as it decides which of its releases are shown."""

    named: frozenset[Version] = frozenset()  # by a line that pins it exactly
    have: frozenset[Version] = frozenset()  # that an environment has, and may go on having
    served: Sequence[Target] | None = None  # a release without a file for each of them is not shown
    hashes: bool = False  # the lines tell which bytes are meant


@dataclass(frozen=True, slots=True)
class ShownReleases:
    """The files that are shown, and what was left out for its age alone."""

    files: tuple[Candidate, ...] = ()
    too_young: tuple[Version, ...] = ()


def is_too_young(uploaded: str | None, cooldown: timedelta, now: datetime) -> bool:
    """Tell whether a file is younger than the cooldown; one of unknown age may be a minute old."""
    if not cooldown:
        return False
    return uploaded is None or now - datetime.fromisoformat(uploaded.replace("Z", "+00:00")) < cooldown


def show_releases(
    candidates: Iterable[Candidate],
    targets: Sequence[Target],
    rules: ReleaseRules,
    terms: ProjectTerms,
    now: datetime,
) -> ShownReleases:
    """Choose what a resolver may see of a project; yanks of what is shown are taken off."""
    old, young = defaultdict[Version, list[Candidate]](list), set[Version]()
    for candidate in candidates:
        if not _passes(candidate, rules.selection, terms):
            continue
        exempt = candidate.version in terms.named or candidate.version in terms.have
        if exempt or not is_too_young(candidate.upload_time, rules.cooldown, now):
            old[candidate.version].append(candidate)
        else:
            young.add(candidate.version)
    covered = {version: _covered(files, targets, rules.selection) for version, files in old.items()}
    shown = [version for version in old if _is_shown(version, old, covered, terms, rules, young)]
    files = (replace(file, yanked=None) for version in sorted(shown, reverse=True) for file in old[version])
    return ShownReleases(tuple(files), tuple(sorted(young - set(shown))))


def _passes(candidate: Candidate, rules: SelectionRules, terms: ProjectTerms) -> bool:
    if candidate.kind is FileKind.LEGACY:
        return False
    if candidate.version in terms.have:
        return True
    if candidate.yanked is not None and not (rules.yanked and candidate.version in terms.named):
        return False
    if not (candidate.sha256 or terms.hashes or rules.allow_unhashed):
        return False
    if rules.max_size is not None and candidate.size is not None and candidate.size > rules.max_size:
        return False
    if candidate.kind is FileKind.SDIST and rules.files is FilesPolicy.WHEEL:
        return False
    return rules.formats.allows(candidate)


def _covered(
    files: Sequence[Candidate], targets: Sequence[Target], rules: SelectionRules
) -> frozenset[Target]:
    if rules.files is FilesPolicy.ALL:
        return frozenset(targets)
    return frozenset(target for target in targets if any(fits(file, target) for file in files))


def _is_shown(
    version: Version,
    releases: Mapping[Version, Sequence[Candidate]],
    covered: Mapping[Version, frozenset[Target]],
    terms: ProjectTerms,
    rules: ReleaseRules,
    young: set[Version],
) -> bool:
    if version in terms.have or version in terms.named:
        return True
    if version.is_prerelease and not _may_be_prerelease(rules, terms, young):
        return False
    if terms.served is not None:
        return covered[version] >= set(terms.served)
    return bool(covered[version]) and not _is_dominated(version, releases[version], covered)


def _may_be_prerelease(rules: ReleaseRules, terms: ProjectTerms, young: set[Version]) -> bool:
    """Tell whether a resolver may look at pre-releases: it takes them where nothing else satisfies.

    That something else is only too young is no reason to take one.
    """
    if rules.selection.prereleases or any(version.is_prerelease for version in terms.have):
        return True
    return not terms.have and all(version.is_prerelease for version in young)


def _is_dominated(
    version: Version, files: Sequence[Candidate], covered: Mapping[Version, frozenset[Target]]
) -> bool:
    """Tell whether an older release serves the same targets, and one more that this one only seems to.

    A resolver for all platforms looks at no tags: it takes a release with nothing but a wheel for Windows
    for everybody. Where requires-python leaves a target out it knows itself, and takes two releases.
    """
    mine = covered[version]
    return any(
        other < version
        and mine < theirs
        and any(target.runs(file.requires_python) for target in theirs - mine for file in files)
        for other, theirs in covered.items()
    )
