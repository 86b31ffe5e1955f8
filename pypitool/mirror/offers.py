"""What the upstreams offer of the wanted projects: one conditional request each, side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

from packaging.utils import NormalizedName

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.mirror.run_events import WarningEvent
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import ProjectStatus
from pypitool.core.name_owner import indexes_for
from pypitool.core.progress import TransferProgress
from pypitool.mirror.record import MirrorRecord, RememberedPage
from pypitool.upstream.fetch_page import KnownPage, UnchangedPage, UpstreamPage, find_page
from pypitool.upstream.listing import Listing, Wants
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import GivenUp, Stopped, UpstreamUnavailable


@dataclass(frozen=True, slots=True)
class ProjectOffer:
    """What one upstream has of a project; an unchanged page is not unpacked until somebody looks."""

    project: NormalizedName
    upstream: str
    body_sha256: str
    status: ProjectStatus
    status_reason: str | None
    page: UpstreamPage | None  # None: unchanged, see the record
    clock_skew: float = 0.0

    def candidates(self, record: MirrorRecord, wants: Wants | None = None) -> tuple[Candidate, ...]:
        """Return the files on offer, or those of the versions that are wanted."""
        if self.page is not None:
            return self.page.listing.candidates(wants)
        remembered = record.page(self.upstream, self.project)
        if remembered is None:
            return ()
        return Listing.unpack(self.project, remembered.packed).candidates(wants)


@dataclass(frozen=True, slots=True)
class Offers:
    """The answers for all projects: an offer, or why there is none."""

    found: Mapping[NormalizedName, ProjectOffer]
    failed: Mapping[NormalizedName, PypitoolError]
    unasked: Mapping[NormalizedName, GivenUp] = field(default_factory=dict)  # others had failed before

    def warnings(self) -> Iterator[WarningEvent]:
        """Say once for all of them what was not asked, and why."""
        for reason, count in Counter(error.reason for error in self.unasked.values()).items():
            yield WarningEvent(f"{count} project{'s were' if count > 1 else ' was'} not asked: {reason}")

    @property
    def is_unreachable(self) -> bool:
        """Whether no upstream answered at all."""
        failures = self.failed.values()
        return (
            bool(failures)
            and not self.found
            and all(isinstance(error, UpstreamUnavailable) for error in failures)
        )


def ask_upstreams(
    projects: Iterable[NormalizedName],
    sessions: Sequence[UpstreamSession],
    record: MirrorRecord,
    stop: threading.Event,
    progress: TransferProgress | None = None,
    read: Mapping[NormalizedName, UpstreamPage] = MappingProxyType({}),
) -> Offers:
    """Ask for every project, but for those of which a page was read in this run; remember what was read."""
    wanted = sorted(set(projects))
    known = _by_project(record.known_pages())
    with (progress or TransferProgress()).during("reading pages", len(wanted)) as phase:

        def ask(project: NormalizedName) -> _Answer:
            page = read.get(project)
            answer = _ask(project, sessions, known.get(project, {})) if page is None else _taken(page)
            phase.step()
            return answer

        with ThreadPoolExecutor(_threads(sessions, len(wanted)), thread_name_prefix="page") as pool:
            answers = list(pool.map(ask, wanted))
    if stop.is_set():
        raise Stopped()
    with record.together():
        for answer in answers:
            if isinstance(answer, _Read):
                record.keep_page(answer.page.upstream, answer.project, answer.remembered)
    found = {
        answer.project: _offered(answer, record) for answer in answers if not isinstance(answer, _Failed)
    }
    errors = {answer.project: answer.error for answer in answers if isinstance(answer, _Failed)}
    unasked = {project: error for project, error in errors.items() if isinstance(error, GivenUp)}
    failed = {project: error for project, error in errors.items() if project not in unasked}
    return Offers(found, failed, unasked)


def nobody_answers(sessions: Iterable[UpstreamSession]) -> bool:
    """Tell whether somebody was asked, and nothing at all has come back."""
    asked = [session for session in sessions if session.requests]
    return bool(asked) and not any(session.has_answered for session in asked)


def remembered_offers(
    projects: Iterable[NormalizedName], upstreams: Sequence[Upstream], record: MirrorRecord
) -> dict[NormalizedName, ProjectOffer]:
    """Return what earlier runs read of these projects, without asking anybody."""
    known = record.known_pages()
    offers: dict[NormalizedName, ProjectOffer] = {}
    for project in projects:
        for upstream in indexes_for(project, upstreams):
            page = known.get((upstream.name, project))
            if page is not None:
                offers[project] = _offered(UnchangedPage(upstream.name, project, page), record)
                break
    return offers


@dataclass(frozen=True, slots=True)
class _Failed:
    project: NormalizedName
    error: PypitoolError


@dataclass(frozen=True, slots=True)
class _Read:
    page: UpstreamPage
    remembered: RememberedPage

    @property
    def project(self) -> NormalizedName:
        return self.page.project


_Answer = _Read | UnchangedPage | _Failed


def _ask(
    project: NormalizedName, sessions: Sequence[UpstreamSession], known: Mapping[str, KnownPage]
) -> _Answer:
    return Guard.run(lambda: _read_by(project, sessions, known), lambda error: _Failed(project, error))


def _read_by(
    project: NormalizedName, sessions: Sequence[UpstreamSession], known: Mapping[str, KnownPage]
) -> _Answer:
    page = find_page(project, sessions, known)
    return page if isinstance(page, UnchangedPage) else _taken(page)


def _taken(page: UpstreamPage) -> _Read:
    # Packed here, while other answers are on their way.
    packed = page.listing.pack()
    return _Read(page, RememberedPage(page.known, page.status.value, page.status_reason, packed))


def _offered(answer: _Read | UnchangedPage, record: MirrorRecord) -> ProjectOffer:
    if isinstance(answer, _Read):
        page = answer.page
        return ProjectOffer(
            page.project,
            page.upstream,
            page.known.body_sha256,
            page.status,
            page.status_reason,
            page,
            page.clock_skew,
        )
    word, reason = record.page_status(answer.upstream, answer.project)
    return ProjectOffer(
        answer.project,
        answer.upstream,
        answer.known.body_sha256,
        ProjectStatus(word),
        reason,
        None,
        answer.clock_skew,
    )


def _by_project(
    known: Mapping[tuple[str, str], KnownPage],
) -> dict[str, dict[str, KnownPage]]:
    by_project: dict[str, dict[str, KnownPage]] = {}
    for (upstream, project), page in known.items():
        by_project.setdefault(project, {})[upstream] = page
    return by_project


def _threads(sessions: Sequence[UpstreamSession], projects: int) -> int:
    return max(1, min(projects, sum(session.upstream.workers for session in sessions)))
