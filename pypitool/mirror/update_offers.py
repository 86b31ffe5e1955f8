"""What `update` offers of each project: asked, judged, and told with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.closure import Need, shown
from pypitool.core.mirror.implied_targets import implied_targets
from pypitool.core.mirror.run_events import (
    ExcludedBy,
    HeldVersion,
    KnownVulnerabilities,
    UnfitTarget,
    UpdateEvent,
)
from pypitool.core.mirror.selection import Candidate, ChoiceReason, SelectionRules, Wish, select, taken
from pypitool.core.mirror.shown_releases import is_too_young
from pypitool.core.mirror.sync_plan import ProjectChoice, choose_files
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import (
    HeldBack,
    HoldReason,
    JudgedRelease,
    UpdateChoice,
    UpdateTerms,
    chosen_of,
    is_same_project,
    judged_releases,
    served_targets,
)
from pypitool.core.model import ProjectStatus
from pypitool.mirror.offers import ProjectOffer
from pypitool.mirror.upstream_changes import HeldProject

# A difference below this is no clock that is wrong.
_SKEW = 60.0
_POLICY = frozenset(
    {ChoiceReason.UNHASHED, ChoiceReason.TOO_BIG, ChoiceReason.FORMAT, ChoiceReason.FILES_POLICY}
)


@dataclass(frozen=True)
class UpdateOffer:
    """What was found out about one project; without a choice it is a stranger's, or nothing can be said."""

    held: HeldProject
    offered: ProjectOffer
    choice: UpdateChoice | None = None
    targets: Sequence[Target] = ()  # that get files of the new release
    files: ProjectChoice = ProjectChoice()
    known: KnownVulnerabilities | None = None
    stranger: bool = False
    environment: str | None = None  # which gets the new release; None: no environment has the project

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.held.name

    @property
    def new(self) -> Version | None:
        """The release that is offered."""
        return self.choice.new if self.choice is not None else None

    def event(self) -> UpdateEvent:
        """Tell it."""
        choice = self.choice
        return UpdateEvent(
            project=self.name,
            have=str(choice.have if choice is not None else self.held.have),
            new=str(self.new) if self.new is not None else None,
            uploaded=choice.uploaded if choice is not None else None,
            held=tuple(map(_held_version, choice.held if choice is not None else ())),
            known=self.known,
            set=self.environment,
        )


def _held_version(held: HeldBack) -> HeldVersion:
    version, reason, need, unfit = str(held.version), held.reason.value, held.excluded_by, held.unfit
    if held.reason is HoldReason.CONSTRAINT:
        by = ExcludedBy() if need is None else ExcludedBy(shown(need.requirement), need.required_by)
        return HeldVersion(version, reason, by)
    if unfit is None:
        return HeldVersion(version, reason)
    target = unfit.target
    told = UnfitTarget(target.name, unfit.requires_python, str(target.python))
    return HeldVersion(version, reason, unfit=told)


@dataclass(frozen=True)
class JudgedProject:
    """A project with every newer release that is on offer, judged for itself."""

    held: HeldProject
    offered: ProjectOffer
    have: Version
    candidates: tuple[Candidate, ...]
    terms: UpdateTerms
    rules: SelectionRules

    @cached_property
    def current(self) -> tuple[Candidate, ...]:
        """The files of the release that we have; those on offer, where none of it is here."""
        here = tuple(file for file in self.held.candidates if file.version == self.have)
        return here or tuple(file for file in self.candidates if file.version == self.have)

    @cached_property
    def served(self) -> tuple[Target, ...]:
        """The targets that have a file of it."""
        return served_targets(self.have, self.current, self.terms.targets)

    @cached_property
    def releases(self) -> tuple[JudgedRelease, ...]:
        """Every newer release, the newest first."""
        return tuple(self._judge())

    def _judge(self) -> Iterator[JudgedRelease]:
        now = _now(self.offered.clock_skew)
        return judged_releases(self.have, self.candidates, self.served, self.terms.rules, now, self._refusal)

    def offer(self, excluded: Mapping[Version, Need | None]) -> UpdateOffer:
        """Offer the newest release that passes and that nothing else excludes."""
        # One after the other: most releases of most projects are never looked at.
        choice = chosen_of(self.have, self._judge(), excluded)
        targets, files = self.files_of(choice.files)
        return UpdateOffer(self.held, self.offered, choice, targets, files)

    def files_at(self, version: Version) -> tuple[Candidate, ...]:
        """Return the files of a release that may be fetched; of what we have, all."""
        cooldown, now = self.terms.rules.cooldown, _now(self.offered.clock_skew)
        return tuple(
            file
            for file in self.candidates
            if file.version == version
            and (version == self.have or not is_too_young(file.upload_time, cooldown, now))
        )

    def files_of(self, files: Sequence[Candidate]) -> tuple[Sequence[Target], ProjectChoice]:
        """Choose the files of a release for every target, the guessed ones included."""
        usable = [file for file in files if file.yanked is None]
        if not usable:
            return (), ProjectChoice()
        wish = Wish(self.held.name, SpecifierSet(f"=={usable[0].version}"))
        # That this program runs on another Python than the files here are for is no reason to fetch for it.
        wanted = self.served if self.terms.guesses else self.terms.targets
        machines = (
            named if taken(select(wish, named, usable, self.rules)) else likely
            for named, likely in self._guesses.items()
        )
        every = (*wanted, *machines)
        return every, choose_files(dict.fromkeys(every, wish), usable, self.rules)

    @cached_property
    def _guesses(self) -> Mapping[Target, Target]:
        return implied_targets(self.current, self.terms.targets[0]) if self.terms.guesses else {}

    def _refusal(self, files: Sequence[Candidate]) -> HoldReason | None:
        choice = self.files_of(files)[1]
        names = {target.name for target in self.served}
        # The tags fit, so it is the policy that takes none of the files.
        if any(miss.target in names for miss in choice.misses):
            return HoldReason.POLICY
        if choice.files:
            return None
        by_policy = any(miss.reason in _POLICY for miss in choice.misses)
        return HoldReason.POLICY if by_policy else HoldReason.NO_FILE


def judge_project(
    held: HeldProject,
    offered: ProjectOffer,
    candidates: tuple[Candidate, ...],
    terms: UpdateTerms,
    have: Version,
) -> JudgedProject | None:
    """Look at what is on offer of a project; None: it is a stranger's."""
    quarantined = offered.status is ProjectStatus.QUARANTINED
    if held.files and not quarantined and not is_same_project(held.files, candidates, offered.upstream):
        return None
    allowed = terms.selection.allow_unhashed or offered.upstream in terms.unhashed
    return JudgedProject(
        held, offered, have, candidates, terms, replace(terms.selection, allow_unhashed=allowed)
    )


def looked_at(held: HeldProject, have: Version) -> Callable[[Version], bool]:
    """Tell which releases of a project matter: what is here, and what is newer."""
    # Reading the name of a file takes time, and most of a page is older than anything here.
    versions = {candidate.version for candidate in held.candidates}
    return lambda version: version >= have or version in versions


def _now(skew: float) -> datetime:
    now = datetime.now(timezone.utc)
    return now + timedelta(seconds=skew) if abs(skew) > _SKEW else now
