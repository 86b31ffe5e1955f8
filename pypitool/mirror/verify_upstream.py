"""What has become of the files here at their upstreams: loud where something is amiss, never deleting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.run_events import DifferenceEvent, Event, ProjectEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import HeldFile, OriginKind, ProjectStatus
from pypitool.core.name_owner import NameOwner, may_be_looked_for
from pypitool.mirror.offers import ProjectOffer, ask_upstreams
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.upstream_changes import (
    ChangedFile,
    HeldProject,
    MatchedFile,
    apply_upstream_changes,
    held_projects,
)
from pypitool.upstream.upstream_errors import NoSuchProject


@dataclass(frozen=True, slots=True)
class _Page:
    project: HeldProject
    offered: ProjectOffer
    candidates: Mapping[str, Candidate]  # by filename


def verify_upstream(mirror: Mirror, report: Report, *, copied_in: bool) -> Ending:
    """Compare what is held with what its upstreams offer now, and note new yanks."""
    projects = {
        project.name: project
        for project in held_projects(mirror.repository.catalogue, mirror.private)
        if may_be_looked_for(project.owner, copied_in=copied_in)
    }
    answers = ask_upstreams(projects, mirror.sessions, mirror.record, mirror.stop, mirror.progress)
    for name, error in answers.failed.items():
        for event in _of_failure(projects[name], error):
            report(event)
    for warning in answers.warnings():
        report(warning)
    pages = [_page(mirror, projects[name], answers.found[name]) for name in sorted(answers.found)]
    for page in pages:
        for difference in _differences(page):
            report(difference)
    for noted, upstream in _note_yanks(mirror, pages):
        report(_yank_event(noted, upstream))
    return Ending(unreachable=answers.is_unreachable)


def _page(mirror: Mirror, project: HeldProject, offered: ProjectOffer) -> _Page:
    versions = {candidate.version for candidate in project.candidates}
    offers = offered.candidates(mirror.record, versions.__contains__)
    return _Page(project, offered, {candidate.filename: candidate for candidate in offers})


def _of_failure(project: HeldProject, error: PypitoolError) -> Iterator[Event]:
    if not (isinstance(error, NoSuchProject) and error.url):
        yield ProjectEvent(project.name, error.kind, str(error))
    elif project.owner is NameOwner.MIRRORED:
        yield DifferenceEvent(project.name, Kind.NOT_FOUND, f"it has vanished: {error}")
    # What was copied in may never have been there.


def _differences(page: _Page) -> Iterator[DifferenceEvent]:
    upstream, name = page.offered.upstream, page.project.name
    if page.offered.status is ProjectStatus.QUARANTINED:
        why = f": {page.offered.status_reason}" if page.offered.status_reason else ""
        yield DifferenceEvent(name, Kind.FORBIDDEN, f"it is quarantined by {upstream}{why}")
        return
    for file in page.project.files:
        offer = page.candidates.get(file.filename)
        if offer is None and file.origin.kind is OriginKind.MIRRORED:
            yield _difference(file, Kind.NOT_FOUND, f"it has vanished from {upstream}")
        elif offer is not None and _is_other(file, offer):
            digests = f"sha256 {offer.sha256} there, {file.contents.digests.sha256} here"
            yield _difference(file, Kind.CONFLICT, f"{upstream} has other bytes under this name ({digests})")


def _is_other(file: HeldFile, offer: Candidate) -> bool:
    return offer.sha256 is not None and offer.sha256 != file.contents.digests.sha256


def _difference(file: HeldFile, kind: Kind, message: str) -> DifferenceEvent:
    return DifferenceEvent(
        file.project, kind, message, name=file.filename, version=file.version, path=file.location.path
    )


def _note_yanks(mirror: Mirror, pages: Sequence[_Page]) -> list[tuple[ChangedFile, str]]:
    before = mirror.record.upstream_yanks()
    matchs = {
        file.filename: MatchedFile(file, offer, page.offered.upstream)
        for page in pages
        for file, offer in _same(page)
        if offer.yanked != before.get(file.filename)
    }
    with mirror.record.together():
        noted = apply_upstream_changes(mirror.repository, mirror.record, matchs.values(), mirror.actor)
    return [(one, matchs[one.held.filename].upstream) for one in noted if one.yanked != one.held.yanked]


def _same(page: _Page) -> Iterable[tuple[HeldFile, Candidate]]:
    for file in page.project.files:
        offer = page.candidates.get(file.filename)
        if offer is not None and offer.sha256 == file.contents.digests.sha256:
            yield file, offer


def _yank_event(noted: ChangedFile, upstream: str) -> WarningEvent:
    name, project = noted.held.filename, noted.held.project
    if noted.yanked is None:
        return WarningEvent(f"{name} is no longer yanked by {upstream}", project=project)
    reason = f": {noted.yanked}" if noted.yanked else ""
    return WarningEvent(f"{name} was yanked by {upstream}{reason}", project=project, yanked=noted.yanked)
