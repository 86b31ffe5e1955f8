"""Which files of a project a resolver may see: releases that pass every rule, with files for the targets.

Whatever is chosen is chosen among these. A release that is pinned exactly was chosen by who wrote the pin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from packaging.version import Version

from pypitool.core.mirror.selection import Candidate, FilesPolicy, SelectionRules, fits, is_another
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
    hashes: frozenset[str] = frozenset()  # of the lines: they limit the files


class LeftOut(str, Enum):
    """Why a release is not shown, in the words of a hint."""

    COOLDOWN = "cooldown"
    UNKNOWN_AGE = "the index does not say how old it is"
    YANKED = "yanked"
    HASH = "another hash"
    UNHASHED = "no sha256"
    TOO_BIG = "larger than max-file-size"
    FORMAT = "only-binary or no-binary"
    FILES_POLICY = "files policy"
    PRERELEASE = "pre-release"
    NO_FILE = "no file for a target"


FOR_ITS_AGE = (LeftOut.COOLDOWN, LeftOut.UNKNOWN_AGE)


@dataclass(frozen=True, slots=True)
class ShownReleases:
    """The files that are shown, and why releases are left out."""

    files: tuple[Candidate, ...] = ()
    left_out: Mapping[Version, LeftOut] = field(default_factory=dict)

    def of(self, version: Version) -> Iterator[Candidate]:
        """Yield the files of one release."""
        return (file for file in self.files if file.version == version)

    def newest_left_out(self) -> tuple[Version, LeftOut] | None:
        """Return what somebody may miss: the newest that is too young, or that is newer than all others."""
        young = [version for version, reason in self.left_out.items() if reason in FOR_ITS_AGE]
        newest = max((file.version for file in self.files), default=None)
        newer = [version for version in self.left_out if newest is None or version > newest]
        missed = max(young or newer, default=None)
        return None if missed is None else (missed, self.left_out[missed])


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
    releases, left_out = defaultdict[Version, list[Candidate]](list), dict[Version, LeftOut]()
    for candidate in candidates:
        reason = _refusal(candidate, rules, terms, now)
        if candidate.kind is FileKind.LEGACY:
            continue
        if reason is None:
            releases[candidate.version].append(candidate)
        else:
            left_out.setdefault(candidate.version, reason)
    finals_are_young = any(
        reason in FOR_ITS_AGE and not version.is_prerelease for version, reason in left_out.items()
    )
    judge = _Judge(targets, rules, terms, finals_are_young)
    # The oldest first: a release is compared with those before it.
    judged = ((version, judge.refusal(version, releases[version])) for version in sorted(releases))
    unfit = {version: reason for version, reason in judged if reason is not None}
    shown = [version for version in sorted(releases, reverse=True) if version not in unfit]
    files_shown = (replace(file, yanked=None) for version in shown for file in releases[version])
    gone = {version: reason for version, reason in left_out.items() if version not in releases}
    return ShownReleases(tuple(files_shown), gone | unfit)


def _refusal(candidate: Candidate, rules: ReleaseRules, terms: ProjectTerms, now: datetime) -> LeftOut | None:
    """Say why a file is not shown."""
    version, selection = candidate.version, rules.selection
    if version in terms.have:
        return None
    if candidate.yanked is not None and not (selection.yanked and version in terms.named):
        return LeftOut.YANKED
    if is_another(candidate, terms.hashes):
        return LeftOut.HASH
    if candidate.kind is FileKind.SDIST and selection.files is FilesPolicy.WHEEL:
        return LeftOut.FILES_POLICY
    if not selection.formats.allows(candidate):
        return LeftOut.FORMAT
    # What is pinned was chosen: that it cannot be fetched is said by who fetches.
    if version in terms.named:
        return None
    if not (candidate.sha256 or terms.hashes or selection.allow_unhashed):
        return LeftOut.UNHASHED
    if selection.max_size is not None and candidate.size is not None and candidate.size > selection.max_size:
        return LeftOut.TOO_BIG
    if not is_too_young(candidate.upload_time, rules.cooldown, now):
        return None
    return LeftOut.UNKNOWN_AGE if candidate.upload_time is None else LeftOut.COOLDOWN


@dataclass(slots=True)
class _Judge:
    """Judges releases as wholes, the oldest first."""

    targets: Sequence[Target]
    rules: ReleaseRules
    terms: ProjectTerms
    finals_are_young: bool
    # What releases so far have files for; thousands of releases have a handful of answers.
    covered: set[frozenset[Target]] = field(default_factory=set)

    def refusal(self, version: Version, files: Sequence[Candidate]) -> LeftOut | None:
        """Say why a release is not shown, whatever its files are."""
        if version in self.terms.have or version in self.terms.named:
            return None
        if version.is_prerelease and not self._may_be_prerelease():
            return LeftOut.PRERELEASE
        if self.terms.served is not None:
            # Also where one target is asked for alone: the pin is for all of them.
            served = self._covered(files, self.terms.served)
            return None if served >= set(self.terms.served) else LeftOut.NO_FILE
        mine = self._covered(files, self.targets)
        if not mine or self._is_dominated(files, mine):
            return LeftOut.NO_FILE
        self.covered.add(mine)
        return None

    def _covered(self, files: Sequence[Candidate], targets: Sequence[Target]) -> frozenset[Target]:
        if self.rules.selection.files is FilesPolicy.ALL:
            return frozenset(targets)
        return frozenset(target for target in targets if any(fits(file, target) for file in files))

    def _may_be_prerelease(self) -> bool:
        """Tell whether a resolver may look at pre-releases: it takes them where nothing else satisfies.

        That something else is only too young is no reason to take one.
        """
        if self.rules.selection.prereleases or any(one.is_prerelease for one in self.terms.have):
            return True
        return not self.terms.have and not self.finals_are_young

    def _is_dominated(self, files: Sequence[Candidate], mine: frozenset[Target]) -> bool:
        """Tell whether an older release serves the same targets, and one more that this one only seems to.

        A resolver for all platforms looks at no tags: it takes a release with nothing but a wheel for Windows
        for everybody. Where requires-python leaves a target out it knows itself, and takes two releases.
        """
        missing = {target for theirs in self.covered if mine < theirs for target in theirs - mine}
        return any(target.runs(file.requires_python) for target in missing for file in files)
