"""Newer releases of what is held: offered, and where it is wanted fetched, proved and written into pins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.core.mirror.run_events import HeldVersion, ProjectEvent, UpdateEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.update_choice import Held, Standing
from pypitool.core.model import ProjectStatus
from pypitool.mirror.auditing import audit
from pypitool.mirror.held_projects import HeldProject, held_projects
from pypitool.mirror.offers import ask_upstreams
from pypitool.mirror.pin_files import rewrite_pin_files
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.update_files import Arrival, fetch_updates, plan_updates
from pypitool.mirror.updating import Offer, UpdateTerms, offers_of
from pypitool.repository.releases import NotHeld
from pypitool.repository.repository import Repository

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


def update(
    mirror: Mirror, options: UpdateOptions, report: Report, scanned: Repository | None = None
) -> Ending:
    """Offer what is newer, and bring it if asked to; `scanned` is what is looked at, if it is elsewhere."""
    looked_at = scanned or mirror.repository
    projects = _asked(mirror, looked_at, options, report)
    answers = ask_upstreams(projects, mirror.sessions, mirror.record, mirror.stop)
    for name, error in answers.failed.items():
        report(ProjectEvent(name, error.kind, str(error)))
    offers = list(offers_of(projects, answers.found, mirror.record, options.terms))
    offers = _audited(mirror, offers, options, report)
    _tell(offers, report)
    offered = [offer for offer in offers if offer.new is not None]
    arrival = _brought(mirror, looked_at, offered, options, report)
    rewrite_pin_files(options.pin_files, [offer for offer in offered if arrival.has_all_of(offer)], report)
    return Ending(unreachable=answers.is_unreachable, update_offered=options.exit_code and bool(offered))


def _asked(
    mirror: Mirror, looked_at: Repository, options: UpdateOptions, report: Report
) -> dict[NormalizedName, HeldProject]:
    every = {project.name: project for project in held_projects(looked_at.catalogue, mirror.private)}
    for name in sorted(options.names - every.keys()):
        raise NotHeld(name)
    chosen = {name: project for name, project in every.items() if name in options.names or not options.names}
    refused = {name: reason for name in chosen if (reason := _refusal(chosen[name], options))}
    if looked_at is not mirror.repository:
        refused |= {name: _UPLOADED for name in chosen.keys() - refused.keys() if mirror.house.keeps(name)}
    for name in sorted(refused.keys() & options.names):
        _tell_refused(chosen[name], refused[name], report)
    return {name: project for name, project in chosen.items() if name not in refused}


def _refusal(project: HeldProject, options: UpdateOptions) -> str | None:
    """Say why no upstream may be asked about a project, or why there is nothing to ask."""
    if project.standing is Standing.PRIVATE:
        return "it is private"
    if project.standing is Standing.UPLOADED:
        return _UPLOADED
    if project.name in options.ignored:
        return "it is on the list of what is left alone"
    if project.standing is Standing.COPIED and not options.copied_in:
        return "it was copied in, and only what was mirrored is looked at"
    return None if project.have is not None else "none of its versions can be compared"


def _tell_refused(project: HeldProject, reason: str, report: Report) -> None:
    if project.standing is Standing.PRIVATE:
        report(
            UpdateEvent(project.name, str(project.have or ""), held=(HeldVersion(None, Held.PRIVATE.value),))
        )
    report(WarningEvent(f"{project.name} is not looked for: {reason}", project.name))


def _audited(mirror: Mirror, offers: Iterable[Offer], options: UpdateOptions, report: Report) -> list[Offer]:
    offers = list(offers)
    if not (options.vulnerabilities or options.security):
        return offers
    releases = [
        (offer.name, offer.held.have, offer.offered.upstream)
        for offer in offers
        if offer.choice is not None and offer.held.have is not None
    ]
    audits = audit(mirror, releases, report)
    audited = [replace(offer, audit=audits.get(offer.name)) for offer in offers]
    return [offer for offer in audited if not options.security or _is_vulnerable(offer)]


def _is_vulnerable(offer: Offer) -> bool:
    return offer.audit is not None and bool(offer.audit.vulnerabilities)


def _tell(offers: Iterable[Offer], report: Report) -> None:
    for offer in offers:
        report(offer.event())
        upstream = offer.offered.upstream
        if offer.stranger:
            message = (
                f"{offer.name}: {upstream} has a stranger of the same name, which lists none of the files "
                "here; name it in `[policy] private` and nobody is asked about it again"
            )
            report(WarningEvent(message, offer.name))
        elif offer.offered.status is ProjectStatus.QUARANTINED:
            why = f": {offer.offered.status_reason}" if offer.offered.status_reason else ""
            report(WarningEvent(f"{offer.name} is quarantined by {upstream}{why}", offer.name))


def _brought(
    mirror: Mirror, looked_at: Repository, offers: Sequence[Offer], options: UpdateOptions, report: Report
) -> Arrival:
    if options.execute:
        return fetch_updates(mirror, looked_at, offers, options.destination, report)
    if options.plan:
        plan_updates(mirror, offers, report)
    return Arrival()
