"""Newer releases of what is held: offered, and where it is wanted fetched, proved and written into pins.

What no environment has moves project by project: a directory holds what is never installed together. An
environment moves as one, and its files are proved as they would be before they are written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.closure import AvailableFiles, Need, Root, prove
from pypitool.core.mirror.run_events import Event, KnownVulnerabilities, WarningEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import UpdateTerms
from pypitool.core.model import ProjectStatus
from pypitool.mirror.available import HeldFiles, JoinedFiles, proof_events
from pypitool.mirror.environments import Environment, Standing, aimed
from pypitool.mirror.joint_moves import JointMoves, Mover
from pypitool.mirror.survey import Holdings, UpdateSurvey, WhomToAsk, ask_for, look_at
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.update_fetch import ArrivedFiles, fetch_updates, plan_updates
from pypitool.mirror.update_offers import JudgedProject, UpdateOffer
from pypitool.mirror.upstream_changes import HeldProject
from pypitool.mirror.vulnerabilities import ask_about_vulnerabilities
from pypitool.repository.repository import Repository

Audits = Mapping[NormalizedName, KnownVulnerabilities]


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """How `update` is to go about it."""

    terms: UpdateTerms
    names: frozenset[NormalizedName] = frozenset()  # none: everything
    ignored: frozenset[NormalizedName] = frozenset()
    copied_in: bool = True  # upstreams may hear the names of what was copied in
    vulnerabilities: bool = False
    security: bool = False  # only what is known to be vulnerable
    execute: bool = False
    plan: bool = False  # say which files would be fetched
    destination: tuple[int, str] | None = None  # a directory and a folder; None: beside what is replaced
    environments: Sequence[Environment] = ()  # what is installed together
    writes: bool = True  # the files of environments
    exit_code: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def moves(self) -> bool:
        """Whether environments are to move; else their projects are only looked at."""
        return self.execute or self.plan or any(one.files for one in self.environments)


@dataclass(frozen=True)
class _Outlook:
    """What was found out before anything is fetched."""

    survey: UpdateSurvey
    standings: Mapping[Environment, Standing]
    joint: JointMoves
    names: frozenset[NormalizedName]  # that are to move; none: everything
    audits: Audits

    def offers(self) -> list[UpdateOffer]:
        """Return what is offered of each project, in order of name."""
        found = [*self.joint.offers(self.names), *self._alone()]
        return [replace(one, known=self.audits.get(one.name)) for one in sorted(found, key=_name_of)]

    def _alone(self) -> Iterator[UpdateOffer]:
        """Offer the projects one by one that no environment moves."""
        for name, offered in self.survey.answers.found.items():
            believed, project = self.survey.believes(name), self.survey.projects[name]
            if (self.names and name not in self.names) or (name in self.joint.claimed and believed):
                continue
            if not believed:
                yield UpdateOffer(project, offered, stranger=True)
            elif project.files and (judged := self.survey.judged(name)) is not None:
                yield judged.offer(self._excluded(judged))

    def _excluded(self, judged: JudgedProject) -> Mapping[Version, Need]:
        """Return what no set that has the project could take beside what it has."""
        name, versions = judged.held.name, {candidate.version for candidate in judged.candidates}
        having = [one for one in self.standings.values() if name in one.have]
        excluded = [one.excluded(name, versions) for one in having]
        everywhere = set(excluded[0]).intersection(*excluded) if excluded else set()
        return {version: excluded[0][version] for version in everywhere}


def update(
    mirror: Mirror, options: UpdateOptions, report: Report, scanned: Repository | None = None
) -> Ending:
    """Offer what is newer, and bring it if asked to; `scanned` is what is looked at, if it is elsewhere."""
    looked_at = scanned or mirror.repository
    outlook = _look(mirror, looked_at, options, report)
    offers, joint = outlook.offers(), outlook.joint
    _tell(offers, report)
    for warning in joint.left_behind():
        report(warning)
    alone = [offer for offer in offers if offer.new is not None and offer.environment is None]
    arrived = _brought(mirror, [*alone, *joint.wanted], options, report)
    present = _present(mirror, looked_at)
    for event in _holes(alone, arrived, present) if options.execute else ():
        report(event)
    proven = joint.settle(present, arrived, report, writes=options.writes)
    return Ending(
        unreachable=outlook.survey.answers.is_unreachable,
        update_offered=options.exit_code and any(offer.new is not None for offer in offers),
        plans=options.plan and not options.execute,
        sets=proven,
    )


def _look(mirror: Mirror, looked_at: Repository, options: UpdateOptions, report: Report) -> _Outlook:
    """Ask what is newer, and where environments can move to."""
    whom = WhomToAsk(options.names, options.ignored, options.copied_in)
    holdings, present = look_at(mirror, looked_at, whom, report), _present(mirror, looked_at)
    standings = {one: one.standing(present) for one in _environments(options, present)}
    if options.names:
        standings = {one: it for one, it in standings.items() if options.names & it.have.keys()}
    survey = ask_for(mirror, _to_ask(holdings, standings, options, mirror), options.terms, report)
    audits, names = _audited(mirror, survey, options, report)
    joint = JointMoves()
    if options.moves and not survey.answers.is_unreachable:
        mover = Mover(mirror, looked_at, holdings, survey, present, names, options.environ, report)
        joint = mover.move(standings)
    return _Outlook(survey, standings, joint, names, audits)


def _name_of(offer: UpdateOffer) -> str:
    return offer.name


def _present(mirror: Mirror, looked_at: Repository) -> AvailableFiles:
    catalogues = dict.fromkeys((mirror.repository.catalogue, looked_at.catalogue))
    return JoinedFiles([HeldFiles(one) for one in catalogues])


def _environments(options: UpdateOptions, present: AvailableFiles) -> Iterator[Environment]:
    for one in options.environments:
        # Nobody has named targets, and the files may be for others than this machine.
        yield aimed(one, present, options.terms.targets[0]) if options.terms.guesses else one


def _to_ask(
    holdings: Holdings, standings: Mapping[Environment, Standing], options: UpdateOptions, mirror: Mirror
) -> Mapping[NormalizedName, HeldProject]:
    names = set(holdings.chosen(options.names))
    if options.moves:
        # An environment moves as one: all of it is asked for, also what is pinned and not here.
        names.update(name for standing in standings.values() for name in standing.have)
    found = {name: holdings.project(name) for name in names - holdings.refused.keys()}
    return {name: one for name, one in found.items() if one.files or not mirror.private_names.is_ours(name)}


def _audited(
    mirror: Mirror, survey: UpdateSurvey, options: UpdateOptions, report: Report
) -> tuple[Audits, frozenset[NormalizedName]]:
    """Return what is known of vulnerabilities, and the names that are to move; none: everything."""
    if not (options.vulnerabilities or options.security):
        return {}, options.names
    releases = [
        (name, project.have, survey.answers.found[name].upstream)
        for name, project in sorted(survey.projects.items())
        if (not options.names or name in options.names)
        and project.have is not None
        and survey.judged(name) is not None
    ]
    audits = ask_about_vulnerabilities(mirror.sessions, releases, report, mirror.progress)
    if not options.security:
        return audits, options.names
    vulnerable = frozenset(name for name, known in audits.items() if known.vulnerabilities)
    return audits, vulnerable or frozenset({_NOBODY})


# Nothing is known to be vulnerable: that is not everything.
_NOBODY = NormalizedName("")


def _tell(offers: Iterable[UpdateOffer], report: Report) -> None:
    for offer in offers:
        report(offer.event())
        upstream = offer.offered.upstream
        if offer.stranger:
            message = (
                f"{offer.name}: {upstream} has a stranger of the same name, which lists none of the files "
                "here; name it in `[policy] private` and nobody is asked about it again"
            )
            report(WarningEvent(message, project=offer.name))
        elif offer.offered.status is ProjectStatus.QUARANTINED:
            why = f": {offer.offered.status_reason}" if offer.offered.status_reason else ""
            report(WarningEvent(f"{offer.name} is quarantined by {upstream}{why}", project=offer.name))


def _brought(
    mirror: Mirror, offers: Sequence[UpdateOffer], options: UpdateOptions, report: Report
) -> ArrivedFiles:
    if options.execute:
        return fetch_updates(mirror, offers, options.destination, report)
    if options.plan:
        plan_updates(mirror, offers, report)
    return ArrivedFiles()


def _holes(
    offers: Iterable[UpdateOffer], arrived: ArrivedFiles, available: AvailableFiles
) -> Iterator[Event]:
    told: set[str] = set()
    for target, roots in _roots(offers, arrived.names or frozenset()).items():
        yield from proof_events("update", prove(roots, target, available, {}), told)


def _roots(offers: Iterable[UpdateOffer], here: frozenset[str]) -> Mapping[Target, list[Root]]:
    roots: dict[Target, list[Root]] = defaultdict(list)
    for offer in offers:
        targets = {target.name: target for target in offer.targets}
        root = Root(Requirement(f"{offer.name}=={offer.new}"), "update")
        arrived = (wanted for wanted in offer.files.files if wanted.candidate.filename in here)
        for name in dict.fromkeys(name for wanted in arrived for name in wanted.targets):
            roots[targets[name]].append(root)
    return roots
