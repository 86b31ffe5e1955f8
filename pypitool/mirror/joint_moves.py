"""All environments moved, each as one: what one of them fails at stops none of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.mirror.closure import AvailableFiles
from pypitool.core.mirror.run_events import ProjectEvent, SetEvent, WarningEvent
from pypitool.core.mirror.run_summary import ProvenSet
from pypitool.core.mirror.shown_releases import ReleaseRules
from pypitool.core.model import ProjectStatus
from pypitool.mirror.available import JoinedFiles
from pypitool.mirror.environments import Environment, Standing, sharing_files
from pypitool.mirror.joint_offers import JointOffers, joint_offers
from pypitool.mirror.move_environment import Moved, MoveTerms, move_environment
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.relay_pages import KnownReleases, ReleaseSources
from pypitool.mirror.settle_pins import PinsToSettle
from pypitool.mirror.survey import Holdings, UpdateSurvey, ask_for
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.update_fetch import ArrivedFiles
from pypitool.mirror.update_offers import UpdateOffer
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream_errors import Stopped


@dataclass(frozen=True)
class JointMoves:
    """Where the environments move to, and which projects none of them leaves to be moved alone."""

    joints: tuple[JointOffers, ...] = ()
    claimed: frozenset[NormalizedName] = frozenset()
    stuck: frozenset[Path] = frozenset()  # files of environments without an answer
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[UpdateOffer, ...]:
        """The releases whose files are to be here."""
        return tuple(offer for joint in self.joints for offer in joint.wanted)

    def offers(self, names: frozenset[NormalizedName]) -> Iterator[UpdateOffer]:
        """Yield what is offered of each project: of several environments the highest release."""
        found: dict[NormalizedName, list[UpdateOffer]] = {}
        for joint in self.joints:
            for name, offer in joint.told.items():
                if not names or name in names or offer.new is not None:
                    found.setdefault(name, []).append(offer)
        yield from (max(offers, key=_height) for offers in found.values())

    def left_behind(self) -> Iterator[WarningEvent]:
        """Say where a project stays that moves, or moves further, in another environment."""
        best = {offer.name: offer for offer in self.offers(frozenset())}
        for joint in self.joints:
            for name, offer in joint.told.items():
                one, held = best[name], offer.choice.held if offer.choice is not None else ()
                if one is offer or _height(one) == _height(offer) or not held:
                    continue
                why = f" ({held[0].excluded_by})" if held[0].excluded_by is not None else ""
                where = offer.new or (offer.choice.have if offer.choice is not None else "")
                message = f"{offer.environment} gets {name} {where}, not {one.new}{why}"
                yield WarningEvent(message, project=name)

    def settle(
        self, available: AvailableFiles, arrived: ArrivedFiles, report: Report, *, writes: bool
    ) -> tuple[ProvenSet, ...]:
        """Prove what moves, and write its files; say where it installs then."""
        proven: list[ProvenSet] = []
        moving = [joint for joint in self.joints if joint.moved.moves]
        for group in sharing_files(moving, lambda joint: joint.moved.environment):
            files = {path for joint in group for path in joint.moved.environment.files}
            for path in sorted(files & self.stuck):
                report(WarningEvent(f"{path} stays as it is: another set that has it cannot be moved"))
            seen = available if arrived.names is not None else JoinedFiles([one.prospect for one in group])
            pins = PinsToSettle(group, self.environ)
            proven += pins.settle(seen, arrived.has_all_of, report, writes=writes and not files & self.stuck)
        return tuple(proven) if arrived.names is not None else ()


def _height(offer: UpdateOffer) -> tuple[bool, Version]:
    have = offer.choice.have if offer.choice is not None else Version("0")
    return offer.new is not None, offer.new or have


@dataclass(frozen=True, slots=True)
class _Stuck:
    """An environment for which there is no answer."""

    environment: Environment
    error: PypitoolError


@dataclass(frozen=True)
class Mover:
    """Moves environments one after the other, by what a survey has found."""

    mirror: Mirror
    looked_at: Repository
    holdings: Holdings
    survey: UpdateSurvey
    present: AvailableFiles
    names: frozenset[NormalizedName]
    environ: Mapping[str, str]
    report: Report

    def move(self, standings: Mapping[Environment, Standing]) -> JointMoves:
        """Move them all; those that share a file get one release of what it pins."""
        sources = self._sources()
        wanted = [one for one, it in standings.items() if self._may_move(one, it)]
        results: list[Moved | _Stuck] = []
        for group in sharing_files(wanted, lambda one: one):
            results += self._group(group, standings, sources)
        moved = [one for one in results if isinstance(one, Moved)]
        stuck = [one for one in results if isinstance(one, _Stuck)]
        for one in stuck:
            self.report(SetEvent(one.environment.name, one.error.kind, str(one.error)))
        self._tell_failed(moved)
        claimed = {name for one in wanted for name in standings[one].have}
        claimed |= {name for one in moved for name in one.releases}
        joints = [joint_offers(self.mirror, one, self._with_new(one), self.present) for one in moved]
        files = frozenset(path for one in stuck for path in one.environment.files)
        return JointMoves(tuple(joints), frozenset(claimed), files, self.environ)

    def _may_move(self, environment: Environment, standing: Standing) -> bool:
        """Tell whether an environment is to be resolved: something is newer, or not as it should be."""
        if self.names and not self.names & standing.have.keys():
            return False
        if not standing.is_whole:
            return True
        judged = (self.survey.judged(name, have, environment.targets) for name, have in standing.have.items())
        return any(release.reason is None for one in judged if one is not None for release in one.releases)

    def _tell_failed(self, moved: Iterable[Moved]) -> None:
        """Tell which pages failed that nobody but the resolver has asked for."""
        failed = {name: error for one in moved for name, error in one.failed.items()}
        told = self.survey.answers.failed.keys() | self.survey.answers.unasked.keys()
        for name in sorted(failed.keys() - told):
            self.report(ProjectEvent(name, failed[name].kind, str(failed[name])))

    def _group(
        self,
        group: tuple[Environment, ...],
        standings: Mapping[Environment, Standing],
        sources: ReleaseSources,
    ) -> list[Moved | _Stuck]:
        """Move environments that share files, each bound by those before it.

        Where one cannot have what another got first it is asked first itself.
        """
        first: list[Moved | _Stuck] = []
        for begins in group:
            results: list[Moved | _Stuck] = []
            for environment in (begins, *(one for one in group if one is not begins)):
                before = [one for one in results if isinstance(one, Moved)]
                results.append(self._moved(environment, standings[environment], before, sources))
            if all(isinstance(one, Moved) for one in results):
                return results
            first = first or results
        return first

    def _moved(
        self,
        environment: Environment,
        standing: Standing,
        before: Iterable[Moved],
        sources: ReleaseSources,
    ) -> Moved | _Stuck:
        def failed(error: PypitoolError) -> _Stuck:
            if isinstance(error, Stopped):
                raise error
            return _Stuck(environment, error)

        def work() -> Moved | _Stuck:
            terms = self._terms(environment, standing, before)
            with self.mirror.progress.during(f"resolving {environment.name}"):
                return move_environment(environment, standing, terms, sources, self.environ)

        return Guard.run(work, failed)

    def _terms(self, environment: Environment, standing: Standing, before: Iterable[Moved]) -> MoveTerms:
        terms = self.survey.terms
        judged = {
            name: self.survey.judged(name, have, environment.targets) for name, have in standing.have.items()
        }
        return MoveTerms(
            rules=ReleaseRules(environment.request.rules, terms.rules.cooldown),
            max_change=terms.rules.max_change,
            named=self.names,
            only_held=self._only_held(),
            served={name: one.served for name, one in judged.items() if one is not None},
            decided=_decided(environment, before),
        )

    def _only_held(self) -> frozenset[NormalizedName]:
        """Return what stays: nobody may be asked for it, nobody answers, or somebody else's is there."""
        found = self.survey.answers.found
        believed = {
            name
            for name, offered in found.items()
            if offered.status is not ProjectStatus.QUARANTINED and self.survey.believes(name)
        }
        return frozenset((self.holdings.refused.keys() | self.survey.projects.keys()) - believed)

    def _sources(self) -> ReleaseSources:
        names = PrivateNames(self.looked_at.catalogue, self.mirror.private)
        answers = self.survey.answers
        known: dict[NormalizedName, KnownReleases | PypitoolError] = {**answers.failed, **answers.unasked}
        for name, offered in answers.found.items():
            known[name] = KnownReleases(offered.upstream, self.survey.files(name), offered.clock_skew)
        return replace(self.mirror.sources, private_names=names, known=known)

    def _with_new(self, moved: Moved) -> UpdateSurvey:
        """Ask for what only the answer has named: what new releases need."""
        new = moved.releases.keys() - self.survey.projects.keys() - self.holdings.refused.keys()
        names = PrivateNames(self.looked_at.catalogue, self.mirror.private)
        projects = {name: self.holdings.project(name) for name in new if not names.is_ours(name)}
        return self.survey.joined(ask_for(self.mirror, projects, self.survey.terms, self.report))


def _decided(environment: Environment, before: Iterable[Moved]) -> dict[NormalizedName, Version]:
    """Return the releases that the pins of a shared file got already, for another environment."""
    found: dict[NormalizedName, Version] = {}
    for moved in before:
        for line in environment.request.inputs.wanted:
            name = canonicalize_name(line.requirement.name)
            shared = environment.rewrites(line) and moved.environment.rewrites(line)
            if shared and name in moved.releases:
                found[name] = moved.releases[name]
    return found
