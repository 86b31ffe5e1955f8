"""Select, fetch, prove: what `sync` and `download` do, from pins to the proof that they install offline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.guard import Guard
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.closure import AvailableFiles
from pypitool.core.mirror.run_events import Event, FileEvent, PlanEvent, ProjectEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.sync_plan import FetchItem, Planned, Step, plan_sync
from pypitool.core.model import HeldFile
from pypitool.core.progress import TransferProgress
from pypitool.mirror.available import (
    HeldFiles,
    Refusals,
    SetProof,
    WithPlanned,
    prove_sets,
    proven_sets,
)
from pypitool.mirror.choices import Choices, ChosenFile, choose
from pypitool.mirror.inputs import Inputs
from pypitool.mirror.misses import explain_misses, refusals
from pypitool.mirror.offers import Offers, ProjectOffer, ask_upstreams, nobody_answers, remembered_offers
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.remember import remember_proofs, remember_wants, unsettled_projects
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pin_set, refuse_unpinned
from pypitool.mirror.upstream_changes import MatchedFile, apply_upstream_changes
from pypitool.repository.repository import Repository
from pypitool.upstream.fetch_page import UpstreamPage
from pypitool.upstream.listing import Listing
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import Stopped

if TYPE_CHECKING:
    from pypitool.mirror.relay_pages import ReleaseSources

Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Mirror:
    """The world that a run works in."""

    repository: Repository
    record: MirrorRecord
    sessions: Sequence[UpstreamSession]
    actor: Actor
    stop: threading.Event
    private: tuple[str, ...] = ()
    progress: TransferProgress = field(default_factory=TransferProgress)
    finishes_files: bool = False
    largest_file: int = FILE_BYTES.most
    pages: dict[NormalizedName, UpstreamPage] = field(default_factory=dict)  # that were read while resolving

    @property
    def private_names(self) -> PrivateNames:
        """What no upstream may hear of."""
        return PrivateNames(self.repository.catalogue, self.private)

    @property
    def sources(self) -> ReleaseSources:
        """Where releases come from that may be chosen."""
        from pypitool.mirror.relay_pages import ReleaseSources

        return ReleaseSources(self.sessions, self.private_names, self.stop, pages=self.pages)


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How a run is to go about it."""

    dry_run: bool = False
    offline: bool = False
    locked: bool = False  # ask only for what no earlier run has planned
    remembers: bool = True  # that sets want these files; `download` does not


def pin_sets(
    mirror: Mirror, requests: Sequence[SetRequest], environ: Mapping[str, str], *, offline: bool = False
) -> tuple[PinnedSet, ...]:
    """Return every set with pins for each of its targets, or raise what makes one unusable.

    Offline nobody is asked: what the lines do not pin is whatever is here and fits.
    """
    refuse_unpinned(requests)

    def resolved(request: SetRequest) -> dict[str | None, Inputs]:
        from pypitool.mirror.resolve import resolve_set

        what = "resolving" if request.title else f"resolving {request.name}"
        with mirror.progress.during(what):
            return resolve_set(request, mirror.sources, environ)

    return tuple(
        pin_set(request, resolved(replace(request, targets=request.fitting)))
        if request.closure is Closure.RESOLVE and request.fitting and not offline
        else pin_set(request, {})
        for request in requests
    )


def synchronise(mirror: Mirror, sets: Sequence[PinnedSet], options: SyncOptions, report: Report) -> Ending:
    """Bring what the sets want, and prove them; each project and each file fails for itself."""
    offers, choices = _chosen(mirror, sets, options)
    for project, error in {**offers.failed, **choices.failed}.items():
        report(ProjectEvent(project, error.kind, str(error)))
    for warning in offers.warnings():
        report(warning)
    if offers.unasked and nobody_answers(mirror.sessions):
        return Ending(dry_run=options.dry_run, unreachable=True)
    held = _held(mirror, offers.found)
    for event in explain_misses(choices.misses, offers.found, HeldFiles(mirror.repository.catalogue)):
        report(event)
    for event in _yanks(choices):
        report(event)
    planned = _plan(choices, held)
    if options.dry_run:
        report_plan([one for _, one in planned], report)
    else:
        carry_out(mirror, [(FetchItem(one.wanted, file.upstream), one) for file, one in planned], report)
        if mirror.stop.is_set():
            raise Stopped()
        _remember(mirror, choices, offers, held, options, report)
    refused = refusals(choices.misses, offers.found)
    proofs = _prove(mirror, sets, planned, refused, options, report)
    if options.remembers and not (options.dry_run or options.offline):
        catalogue = mirror.repository.catalogue
        remember_proofs(mirror.record, catalogue, proofs, choices, unsettled_projects(offers, choices))
    # Of what would be here nothing is claimed.
    proven = () if options.dry_run else proven_sets(proofs)
    is_unreachable = offers.is_unreachable or nobody_answers(mirror.sessions)
    return Ending(dry_run=options.dry_run, unreachable=is_unreachable, sets=proven)


def _chosen(mirror: Mirror, sets: Sequence[PinnedSet], options: SyncOptions) -> tuple[Offers, Choices]:
    private_names = mirror.private_names
    projects = {project for pinned in sets for project in pinned.wishes}
    outside = {project for project in projects if not private_names.is_ours(project)}
    if options.offline:
        offers = Offers({}, {})
    elif options.locked:
        offers = _locked_offers(mirror, sets, outside)
    else:
        offers = _asked(mirror, outside)
    return offers, _choices(mirror, sets, offers)


def _asked(mirror: Mirror, projects: Iterable[NormalizedName]) -> Offers:
    return ask_upstreams(projects, mirror.sessions, mirror.record, mirror.stop, mirror.progress, mirror.pages)


def _locked_offers(mirror: Mirror, sets: Sequence[PinnedSet], projects: set[NormalizedName]) -> Offers:
    """Take what earlier runs read, and ask only for what they did not plan."""
    upstreams = [session.upstream for session in mirror.sessions]
    known = remembered_offers(projects, upstreams, mirror.record)
    choices = _choices(mirror, sets, Offers(known, {}))
    planned = known.keys() - choices.failed.keys()
    unplanned = (projects - planned) | {missed.miss.wish.project for missed in choices.misses}
    if not unplanned:
        return Offers(known, {})
    fresh = _asked(mirror, unplanned)
    return Offers({**known, **fresh.found}, fresh.failed, fresh.unasked)


def _choices(mirror: Mirror, sets: Sequence[PinnedSet], offers: Offers) -> Choices:
    upstreams = (session.upstream for session in mirror.sessions)
    unhashed = frozenset(upstream.name for upstream in upstreams if upstream.allow_unhashed)
    return choose(sets, offers.found, mirror.record, unhashed)


def _yanks(choices: Choices) -> Iterator[WarningEvent]:
    """Say which files are wanted although they are yanked: only who pinned them can choose another."""
    for file in choices.files:
        candidate = file.wanted.candidate
        if candidate.yanked is not None:
            reason = f": {candidate.yanked}" if candidate.yanked else ""
            message = f"{candidate.filename} is yanked{reason}"
            yield WarningEvent(message, project=candidate.project, yanked=candidate.yanked)


def _held(mirror: Mirror, offers: Iterable[NormalizedName]) -> dict[str, HeldFile]:
    held: dict[str, HeldFile] = {}
    for name in offers:
        project = mirror.repository.catalogue.project(name)
        held.update({file.filename: file for file in (project.files if project is not None else ())})
    return held


def _plan(choices: Choices, held: Mapping[str, HeldFile]) -> list[tuple[ChosenFile, Planned]]:
    digests = {name: file.contents.digests.sha256 for name, file in held.items()}
    return list(zip(choices.files, plan_sync([file.wanted for file in choices.files], digests), strict=True))


def report_plan(planned: Iterable[Planned], report: Report) -> None:
    """Say what would be done with each wanted file."""
    for one in planned:
        candidate = one.wanted.candidate
        report(
            PlanEvent(
                one.step.value,
                candidate.filename,
                candidate.project,
                str(candidate.version),
                candidate.size,
                one.wanted.targets,
            )
        )


def carry_out(mirror: Mirror, planned: Sequence[tuple[FetchItem, Planned]], report: Report) -> None:
    """Fetch what is to come, and say of the rest that it is kept or in conflict."""
    for _, one in planned:
        if one.step is not Step.GET:
            report(_settled(one))
    wanted = [item for item, one in planned if one.step is Step.GET]
    if wanted:
        from pypitool.mirror.fetch import Fetcher  # most runs find nothing to fetch

        sessions = {session.upstream.name: session for session in mirror.sessions}
        fetcher = Fetcher(
            mirror.repository,
            sessions,
            mirror.actor,
            mirror.stop,
            mirror.progress,
            mirror.largest_file,
            mirror.finishes_files,
        )
        fetcher.fetch(wanted, report)


def _settled(one: Planned) -> FileEvent:
    candidate = one.wanted.candidate
    conflict = one.step is Step.CONFLICT
    digests = f"sha256 {one.held_sha256}, upstream {candidate.sha256}"
    return FileEvent(
        name=candidate.filename,
        project=candidate.project,
        version=str(candidate.version),
        outcome="conflict" if conflict else "kept",
        bytes=candidate.size or 0,
        sha256=one.held_sha256,
        targets=one.wanted.targets,
        kind=Kind.CONFLICT if conflict else None,
        message=f"{candidate.filename} is here with other bytes ({digests})" if conflict else None,
    )


def _remember(
    mirror: Mirror,
    choices: Choices,
    offers: Offers,
    held: Mapping[str, HeldFile],
    options: SyncOptions,
    report: Report,
) -> None:
    with mirror.record.together():
        matches = _matches(choices, offers.found, held, report)
        apply_upstream_changes(mirror.repository, mirror.record, matches, mirror.actor)
        for file in choices.files:
            candidate = file.wanted.candidate
            if candidate.filename not in held and candidate.yanked is not None:
                mirror.record.keep_upstream_yank(candidate.filename, candidate.yanked)
        if options.remembers:
            remember_wants(mirror.record, choices, unsettled_projects(offers, choices))


def _matches(
    choices: Choices,
    offers: Mapping[NormalizedName, ProjectOffer],
    held: Mapping[str, HeldFile],
    report: Report,
) -> Iterator[MatchedFile]:
    """Yield what is held and offered alike: all of a page that was read, and what the sets want of others."""
    offered = {
        candidate.filename: (candidate, offer.upstream)
        for offer in offers.values()
        if offer.page is not None
        for candidate in _listed_again(offer.project, offer.page.listing, held, report)
    }
    offered |= {
        file.wanted.candidate.filename: (file.wanted.candidate, file.upstream) for file in choices.files
    }
    for filename, file in held.items():
        if filename in offered and offered[filename][0].sha256 == file.contents.digests.sha256:
            yield MatchedFile(file, *offered[filename])


def _listed_again(
    project: NormalizedName, listing: Listing, held: Mapping[str, HeldFile], report: Report
) -> list[Candidate]:
    """Return what a page says of files that are held, or tell why nobody can know."""

    def failed(error: PypitoolError) -> list[Candidate]:
        report(ProjectEvent(project, error.kind, str(error)))
        return []

    return Guard.run(lambda: list(listing.named(held)), failed)


def _prove(
    mirror: Mirror,
    sets: Sequence[PinnedSet],
    planned: Sequence[tuple[ChosenFile, Planned]],
    refused: Refusals,
    options: SyncOptions,
    report: Report,
) -> tuple[SetProof, ...]:
    held_files: AvailableFiles = HeldFiles(mirror.repository.catalogue)
    if options.dry_run:
        held_files = _with_planned(mirror, sets, planned, held_files)
    return prove_sets(sets, held_files, report, refused)


def _with_planned(
    mirror: Mirror,
    sets: Sequence[PinnedSet],
    planned: Sequence[tuple[ChosenFile, Planned]],
    held_files: AvailableFiles,
) -> WithPlanned:
    from pypitool.mirror.offered_metadata import OfferedFile, read_dependencies

    proved = {one.request.name for one in sets if one.request.closure is not Closure.OFF}
    coming = [
        (OfferedFile(one.wanted.candidate, file.upstream), proved.intersection(file.sets))
        for file, one in planned
        if one.step is Step.GET
    ]
    asked = [file for file, followed in coming if followed]
    requires = read_dependencies(asked, mirror.sessions, mirror.stop, mirror.progress)
    return WithPlanned(held_files, [file.candidate for file, _ in coming], requires)
