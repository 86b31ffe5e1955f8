"""What `update` offers of each project: asked, judged, and told with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.implied_targets import implied_targets
from pypitool.core.mirror.run_events import HeldVersion, KnownVulnerabilities, UnfitTarget, UpdateEvent
from pypitool.core.mirror.selection import Candidate, ChoiceReason, SelectionRules, Wish, select, taken
from pypitool.core.mirror.sync_plan import ProjectChoice, choose_files
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import (
    HeldBack,
    HoldReason,
    UpdateChoice,
    UpdateTerms,
    choose_update,
    is_same_project,
    served_targets,
)
from pypitool.core.model import ProjectStatus
from pypitool.mirror.offers import ProjectOffer
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.upstream_changes import HeldProject

# A difference below this is no clock that is wrong.
_SKEW = 60.0
_POLICY = frozenset(
    {ChoiceReason.UNHASHED, ChoiceReason.TOO_BIG, ChoiceReason.FORMAT, ChoiceReason.FILES_POLICY}
)


@dataclass(frozen=True, slots=True)
class UpdateOffer:
    """What was found out about one project; without a choice it is a stranger's, or nothing can be said."""

    held: HeldProject
    offered: ProjectOffer
    choice: UpdateChoice | None = None
    targets: Sequence[Target] = ()  # that get files of the new release
    files: ProjectChoice = ProjectChoice()
    known: KnownVulnerabilities | None = None
    stranger: bool = False

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
            have=str(self.held.have),
            new=str(self.new) if self.new is not None else None,
            uploaded=choice.uploaded if choice is not None else None,
            held=tuple(_held_version(one) for one in (choice.held if choice else ())),
            known=self.known,
        )


def _held_version(held: HeldBack) -> HeldVersion:
    unfit = held.unfit
    if unfit is None:
        return HeldVersion(str(held.version), held.reason.value)
    target = unfit.target
    told = UnfitTarget(target.name, unfit.requires_python, str(target.python))
    return HeldVersion(str(held.version), held.reason.value, unfit=told)


def update_offers(
    projects: Mapping[NormalizedName, HeldProject],
    found: Mapping[NormalizedName, ProjectOffer],
    record: MirrorRecord,
    terms: UpdateTerms,
) -> Iterator[UpdateOffer]:
    """Judge what is on offer of each project, in order of name."""
    for name in sorted(found):
        held, offered = projects[name], found[name]
        candidates = offered.candidates(record, _looked_at(held))
        quarantined = offered.status is ProjectStatus.QUARANTINED
        if not quarantined and not is_same_project(held.files, candidates, offered.upstream):
            yield UpdateOffer(held, offered, stranger=True)
        else:
            yield _judged(held, offered, candidates, terms)


def _looked_at(held: HeldProject) -> Callable[[Version], bool]:
    # Reading the name of a file takes time, and most of a page is older than anything here.
    have, versions = held.have, {candidate.version for candidate in held.candidates}
    return lambda version: have is None or version > have or version in versions


def _judged(
    held: HeldProject, offered: ProjectOffer, candidates: Iterable[Candidate], terms: UpdateTerms
) -> UpdateOffer:
    assert held.have is not None
    served = served_targets(held.have, held.candidates, terms.targets)
    guesses = implied_targets(held.current, terms.targets[0]) if terms.guesses else {}
    # That this program runs on another Python than the files here are for is no reason to fetch for it.
    wanted = served if terms.guesses else terms.targets
    rules = replace(
        terms.selection,
        allow_unhashed=terms.selection.allow_unhashed or offered.upstream in terms.unhashed,
    )

    def judge(files: Sequence[Candidate]) -> HoldReason | None:
        return _refusal(_release(held.name, files, wanted, guesses, rules)[1], served)

    now = _now(offered.clock_skew)
    choice = choose_update(held.have, candidates, served, terms.rules, now, judge)
    targets, files = _release(held.name, choice.files, wanted, guesses, rules)
    return UpdateOffer(held, offered, choice, targets, files)


def _release(
    project: NormalizedName,
    files: Sequence[Candidate],
    targets: Sequence[Target],
    guesses: Mapping[Target, Target],
    rules: SelectionRules,
) -> tuple[Sequence[Target], ProjectChoice]:
    """Choose the files of a release for every target, the guessed ones included."""
    usable = [file for file in files if file.yanked is None]
    if not usable:
        return (), ProjectChoice()
    wish = Wish(project, SpecifierSet(f"=={usable[0].version}"))
    machines = (
        named if taken(select(wish, named, usable, rules)) else likely for named, likely in guesses.items()
    )
    every = (*targets, *machines)
    return every, choose_files(dict.fromkeys(every, wish), usable, rules)


def _refusal(choice: ProjectChoice, served: Sequence[Target]) -> HoldReason | None:
    names = {target.name for target in served}
    # The tags fit, so it is the policy that takes none of the files.
    if any(miss.target in names for miss in choice.misses):
        return HoldReason.POLICY
    if choice.files:
        return None
    return HoldReason.POLICY if any(miss.reason in _POLICY for miss in choice.misses) else HoldReason.NO_FILE


def _now(skew: float) -> datetime:
    now = datetime.now(timezone.utc)
    return now + timedelta(seconds=skew) if abs(skew) > _SKEW else now
