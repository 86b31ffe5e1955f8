"""The page of a project at an index: asked for with what is known of it, and read by its type.

The first upstream that has a project owns it, and nothing is merged. Merging versions of several indexes is
dependency confusion: whoever registers a private name on the public index with a higher version would be
installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote, urljoin

from packaging.utils import NormalizedName

from pypitool.core.filenames import is_ignored
from pypitool.core.json_text import parse_json
from pypitool.core.limits import PAGE_BYTES
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import ProjectStatus
from pypitool.core.name_owner import indexes_for
from pypitool.core.retry_wait import parse_http_date
from pypitool.upstream.answer_bodies import WholeAnswer
from pypitool.upstream.listing import Listing, ParsedPage
from pypitool.upstream.read_page import read_json_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import (
    NoSuchProject,
    NotAnIndexPage,
    UpstreamRefused,
    UpstreamUnavailable,
)

_JSON = "application/vnd.pypi.simple.v1+json"
# HTML of either name; a plain `text/html` last, because JSON alone tells sizes and upload times.
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_GONE = frozenset({404, 410})
_REFUSED = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class KnownPage:
    """What tells that a page is still the one that was read."""

    etag: str | None
    body_sha256: str


@dataclass(frozen=True, slots=True)
class UpstreamPage:
    """What an upstream offers of one project."""

    upstream: str
    listing: Listing
    known: KnownPage
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str | None = None
    clock_skew: float = 0.0  # seconds that the upstream's clock is ahead of ours

    @property
    def project(self) -> NormalizedName:
        """Whose page it is."""
        return self.listing.project

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every file of the project, those of legacy kinds left out."""
        return self.listing.candidates()


@dataclass(frozen=True, slots=True)
class UnchangedPage:
    """The page is the one that `KnownPage` described; nothing was parsed."""

    upstream: str
    project: NormalizedName
    known: KnownPage
    clock_skew: float = 0.0


def find_page(
    project: NormalizedName,
    sessions: Sequence[UpstreamSession],
    known: Mapping[str, KnownPage],
) -> UpstreamPage | UnchangedPage:
    """Return the page of the first upstream that has the project; `known` is by upstream's name.

    Only a 404 lets the next one be asked: an upstream that is down may well be the owner.
    """
    chosen = indexes_for(project, [session.upstream for session in sessions])
    by_name = {session.upstream.name: session for session in sessions}
    missing: NoSuchProject | None = None
    for upstream in chosen:
        try:
            return fetch_page(by_name[upstream.name], project, known.get(upstream.name))
        except NoSuchProject as error:
            missing = error
    raise missing or NoSuchProject("", f"no upstream is configured for {project}")


def fetch_page(
    session: UpstreamSession, project: NormalizedName, known: KnownPage | None = None
) -> UpstreamPage | UnchangedPage:
    """Ask one upstream for a project; an unchanged page is not parsed again."""
    url = f"{session.upstream.index.rstrip('/')}/{quote(project)}/"
    headers = {"Accept": _ACCEPT}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    with session.asked_for(project):
        answer = session.read(url, headers, PAGE_BYTES.most)
    _check_status(url, answer)
    skew = _clock_skew(answer)
    if answer.status_code == 304 and known is not None:
        return UnchangedPage(session.upstream.name, project, known, skew)
    found = KnownPage(answer.headers.get("ETag"), hashlib.sha256(answer.body).hexdigest())
    if known is not None and known.body_sha256 == found.body_sha256:
        return UnchangedPage(session.upstream.name, project, found, skew)
    return _page(session.upstream.name, project, answer, found, skew)


def fetch_listing(session: UpstreamSession, project: NormalizedName) -> Listing:
    """Ask an index what itself holds of a project.

    Many send clients elsewhere for what they do not hold: nobody is asked there, whose name is not theirs.
    """
    index = session.upstream.index
    url = f"{index.rstrip('/')}/{quote(project)}/"
    answer = session.read(url, {"Accept": _ACCEPT}, PAGE_BYTES.most, within=index)
    if answer.is_redirect:
        raise NoSuchProject(url, "the index redirects to another one for it")
    _check_status(url, answer)
    read = _read(project, answer)
    _refuse_strangers(answer, read)
    if not read.entries and not _is_surely_a_page(answer):
        raise NotAnIndexPage(answer.url, "its answer lists no file, and does not say that it is a page")
    return Listing(project, answer.url, read.entries)


def release_document(session: UpstreamSession, project: NormalizedName, version: str) -> object:
    """Return the document of a release; None when the index has none, or answers something else."""
    # The API lies beside the simple index: `/pypi/NAME/VERSION/json` and `/simple/`.
    url = urljoin(session.upstream.index, f"../pypi/{quote(project)}/{quote(version)}/json")
    answer = session.read(url, {"Accept": "application/json"}, PAGE_BYTES.most)
    if answer.status_code != 200:
        return None
    try:
        document: object = parse_json(answer.body)
        return document
    except ValueError:
        return None


def _check_status(url: str, answer: WholeAnswer) -> None:
    status = answer.status_code
    if status in _GONE:
        raise NoSuchProject(url, "the upstream does not have it")
    if status in _REFUSED:
        raise UpstreamRefused(url, f"it answers {status}: the credentials are missing or wrong")
    if status not in (200, 304):
        raise UpstreamUnavailable(url, f"it answers {status}")


def _page(
    upstream: str, project: NormalizedName, answer: WholeAnswer, known: KnownPage, skew: float
) -> UpstreamPage:
    read = _read(project, answer)
    if not read.entries and read.status is not ProjectStatus.QUARANTINED:
        # A page that lists nothing is how a broken proxy or a portal looks, never "all removed".
        raise NotAnIndexPage(answer.url, "its answer lists no file of the project")
    _refuse_strangers(answer, read)
    listing = Listing(project, answer.url, read.entries)
    return UpstreamPage(upstream, listing, known, read.status, read.status_reason, skew)


def _is_surely_a_page(answer: WholeAnswer) -> bool:
    # PEP 629. Without it, a page of HTML that lists nothing may be anybody's.
    is_json = answer.headers.get("Content-Type", "").startswith(_JSON)
    return is_json or b"pypi:repository-version" in answer.body


def _refuse_strangers(answer: WholeAnswer, read: ParsedPage) -> None:
    if read.entries and all(is_ignored(entry.filename) for entry in read.entries):
        raise NotAnIndexPage(answer.url, "its links name no package files; a portal or a login page?")


def _read(project: NormalizedName, answer: WholeAnswer) -> ParsedPage:
    kind, _, parameters = answer.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    try:
        if kind == _JSON:
            return read_json_page(answer.body)
        if kind in ("text/html", "application/vnd.pypi.simple.v1+html"):
            from pypitool.upstream.read_html import read_html_page  # many an index speaks JSON

            charset = parameters.partition("charset=")[2].strip(' "') or None
            return read_html_page(project, answer.body, answer.url, charset)
    except ValueError as error:
        raise NotAnIndexPage(answer.url, f"its answer cannot be read: {error}") from error
    raise NotAnIndexPage(answer.url, f"its answer is `{kind or 'of no type'}` and no index page")


def _clock_skew(answer: WholeAnswer) -> float:
    moment = parse_http_date(answer.headers.get("Date", ""))
    return 0.0 if moment is None else (moment - datetime.now(timezone.utc)).total_seconds()
