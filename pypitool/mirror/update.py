"""Newer releases of what is held: offered, and where it is wanted fetched, proved and written into pins.

The files of a new release are fetched for every target, and proved to install with what is on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from pypitool.core.errors import PypitoolError
from pypitool.core.mirror.closure import AvailableFiles, Root, prove
from pypitool.core.mirror.run_events import (
    Event,
    FileEvent,
    HeldVersion,
    ProjectEvent,
    UpdateEvent,
    WarningEvent,
)
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.sync_plan import FetchItem, Planned, plan_sync
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import HoldReason, UpdateTerms
from pypitool.core.model import ProjectStatus
from pypitool.core.name_owner import NameOwner, may_be_looked_for
from pypitool.mirror.available import HeldFiles, JoinedFiles, proof_events
from pypitool.mirror.offers import ask_upstreams
from pypitool.mirror.pin_files import rewrite_pin_files
from pypitool.mirror.sync import Mirror, Report, carry_out, report_plan
from pypitool.mirror.update_offers import UpdateOffer, update_offers
from pypitool.mirror.upstream_changes import HeldProject, held_projects
from pypitool.mirror.vulnerabilities import ask_about_vulnerabilities
from pypitool.repository.releases import NotHeld
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream_errors import NoSuchProject, Stopped

_UPLOADED = "files of it were uploaded here, and a stranger's never replace them"


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
    pin_files: Sequence[Path] = ()  # that are moved to the new releases
    exit_code: bool = False


@dataclass(frozen=True, slots=True)
class ArrivedFiles:
    """Which files are here now; None: nothing was fetched, and nothing is amiss."""

    names: frozenset[str] | None = None

    def has_all_of(self, offer: UpdateOffer) -> bool:
        """Tell whether every file of a new release is here."""
        return self.names is None or all(
            wanted.candidate.filename in self.names for wanted in offer.files.files
        )


def update(
    mirror: Mirror, options: UpdateOptions, report: Report, scanned: Repository | None = None
) -> Ending:
    """Offer what is newer, and bring it if asked to; `scanned` is what is looked at, if it is elsewhere."""
    looked_at = scanned or mirror.repository
    projects = _asked(mirror, looked_at, options, report)
    answers = ask_upstreams(projects, mirror.sessions, mirror.record, mirror.stop, mirror.progress)
    for name, error in answers.failed.items():
        report(_unanswered(projects[name], error))
    for warning in answers.warnings():
        report(warning)
    offers = list(update_offers(projects, answers.found, mirror.record, options.terms))
    offers = _audited(mirror, offers, options, report)
    _tell(offers, report)
    offered = [offer for offer in offers if offer.new is not None]
    arrival = _brought(mirror, looked_at, offered, options, report)
    rewrite_pin_files(options.pin_files, [offer for offer in offered if arrival.has_all_of(offer)], report)
    return Ending(
        unreachable=answers.is_unreachable,
        update_offered=options.exit_code and bool(offered),
        plans=options.plan and not options.execute,
    )


def _asked(
    mirror: Mirror, looked_at: Repository, options: UpdateOptions, report: Report
) -> dict[NormalizedName, HeldProject]:
    every = {project.name: project for project in held_projects(looked_at.catalogue, mirror.private)}
    for name in sorted(options.names - every.keys()):
        raise NotHeld(name)
    chosen = {name: project for name, project in every.items() if name in options.names or not options.names}
    refused = {name: reason for name in chosen if (reason := _refusal(chosen[name], options))}
    if looked_at is not mirror.repository:
        refused |= {
            name: _UPLOADED for name in chosen.keys() - refused.keys() if mirror.private_names.is_ours(name)
        }
    for name in sorted(refused.keys() & options.names):
        _tell_refused(chosen[name], refused[name], report)
    return {name: project for name, project in chosen.items() if name not in refused}


def _refusal(project: HeldProject, options: UpdateOptions) -> str | None:
    """Say why no upstream may be asked about a project, or why there is nothing to ask."""
    if project.owner is NameOwner.PRIVATE:
        return "it is private"
    if project.owner is NameOwner.UPLOADED:
        return _UPLOADED
    if project.owner is NameOwner.KEPT:
        return "it has an owner here, or was uploaded here once"
    if project.name in options.ignored:
        return "it is on the list of what is left alone"
    if not may_be_looked_for(project.owner, copied_in=options.copied_in):
        return "it was copied in, and only what was mirrored is looked at"
    return None if project.have is not None else "none of its versions can be compared"


def _tell_refused(project: HeldProject, reason: str, report: Report) -> None:
    if project.owner is NameOwner.PRIVATE:
        report(
            UpdateEvent(
                project.name, str(project.have or ""), held=(HeldVersion(None, HoldReason.PRIVATE.value),)
            )
        )
    report(WarningEvent(f"{project.name} is not looked for: {reason}", project=project.name))


def _unanswered(project: HeldProject, error: PypitoolError) -> ProjectEvent | WarningEvent:
    """Say that nothing was found out about a project; that nobody has what was copied in is no failure."""
    if isinstance(error, NoSuchProject) and project.owner is NameOwner.COPIED:
        return WarningEvent(f"no upstream has {project.name}, which was copied in", project=project.name)
    return ProjectEvent(project.name, error.kind, str(error))


def _audited(
    mirror: Mirror, offers: Iterable[UpdateOffer], options: UpdateOptions, report: Report
) -> list[UpdateOffer]:
    offers = list(offers)
    if not (options.vulnerabilities or options.security):
        return offers
    releases = [
        (offer.name, offer.held.have, offer.offered.upstream)
        for offer in offers
        if offer.choice is not None and offer.held.have is not None
    ]
    audits = ask_about_vulnerabilities(mirror.sessions, releases, report, mirror.progress)
    audited = [replace(offer, known=audits.get(offer.name)) for offer in offers]
    if not options.security:
        return audited
    return [offer for offer in audited if offer.known is not None and offer.known.vulnerabilities]


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
    mirror: Mirror,
    looked_at: Repository,
    offers: Sequence[UpdateOffer],
    options: UpdateOptions,
    report: Report,
) -> ArrivedFiles:
    if options.execute:
        return fetch_updates(mirror, looked_at, offers, options.destination, report)
    if options.plan:
        plan_updates(mirror, offers, report)
    return ArrivedFiles()


def plan_updates(mirror: Mirror, offers: Iterable[UpdateOffer], report: Report) -> None:
    """Say which files would be fetched."""
    report_plan((planned for offer in offers for planned in _planned(mirror, offer)), report)


def fetch_updates(
    mirror: Mirror,
    looked_at: Repository,
    offers: Sequence[UpdateOffer],
    destination: tuple[int, str] | None,
    report: Report,
) -> ArrivedFiles:
    """Fetch the files of new releases, and name what they need that is not on disk."""
    here: set[str] = set()

    def take(event: Event) -> None:
        if isinstance(event, FileEvent) and event.kind is None:
            here.add(event.name)
        report(event)

    carry_out(mirror, [pair for offer in offers for pair in _items(mirror, offer, destination)], take)
    if mirror.stop.is_set():
        raise Stopped()
    catalogues = dict.fromkeys((mirror.repository.catalogue, looked_at.catalogue))
    for event in _holes(offers, here, JoinedFiles([HeldFiles(one) for one in catalogues])):
        report(event)
    return ArrivedFiles(frozenset(here))


def _planned(mirror: Mirror, offer: UpdateOffer) -> Sequence[Planned]:
    project = mirror.repository.catalogue.project(offer.name)
    held = {file.filename: file.contents.digests.sha256 for file in (project.files if project else ())}
    return plan_sync(offer.files.files, held)


def _items(
    mirror: Mirror, offer: UpdateOffer, destination: tuple[int, str] | None
) -> Iterator[tuple[FetchItem, Planned]]:
    root, folder = destination if destination is not None else offer.held.folder()
    for planned in _planned(mirror, offer):
        yield FetchItem(planned.wanted, offer.offered.upstream, root, folder), planned


def _holes(offers: Iterable[UpdateOffer], here: set[str], available: AvailableFiles) -> Iterator[Event]:
    told: set[str] = set()
    for target, roots in _roots(offers, here).items():
        yield from proof_events("update", prove(roots, target, available, {}), told)


def _roots(offers: Iterable[UpdateOffer], here: set[str]) -> Mapping[Target, list[Root]]:
    roots: dict[Target, list[Root]] = defaultdict(list)
    for offer in offers:
        targets = {target.name: target for target in offer.targets}
        root = Root(Requirement(f"{offer.name}=={offer.new}"), "update")
        arrived = (wanted for wanted in offer.files.files if wanted.candidate.filename in here)
        for name in dict.fromkeys(name for wanted in arrived for name in wanted.targets):
            roots[targets[name]].append(root)
    return roots
