"""Project pages of any simple index: asked for with what we know of them, and read by their type."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from packaging.utils import NormalizedName

from pypitool.core.filenames import is_ignored
from pypitool.core.model import ProjectStatus
from pypitool.upstream.errors import NoSuchProject, NotAnIndexPage, UpstreamRefused, UpstreamUnavailable
from pypitool.upstream.html_page import read_html_page
from pypitool.upstream.json_page import read_json_page
from pypitool.upstream.listing import Listing, ReadPage
from pypitool.upstream.model import KnownPage, Page, Unchanged
from pypitool.upstream.session import Response, UpstreamSession, read_bounded

_LARGEST_PAGE = 64 * 1024**2
_JSON = "application/vnd.pypi.simple.v1+json"
# HTML of either name; a plain `text/html` last, because JSON alone tells sizes and upload times.
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_GONE = frozenset({404, 410})
_REFUSED = frozenset({401, 403, 407})


def fetch_page(
    session: UpstreamSession, project: NormalizedName, known: KnownPage | None = None
) -> Page | Unchanged:
    """Ask one upstream for a project; an unchanged page is not parsed again."""
    url = f"{session.upstream.index.rstrip('/')}/{quote(project)}/"
    headers = {"Accept": _ACCEPT}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    with session.get(url, headers) as response:
        _check_status(url, response)
        skew = _clock_skew(response)
        if response.status_code == 304 and known is not None:
            return Unchanged(session.upstream.name, project, known, skew)
        body = read_bounded(response, _LARGEST_PAGE)
        found = KnownPage(response.headers.get("ETag"), hashlib.sha256(body).hexdigest())
        if known is not None and known.body_sha256 == found.body_sha256:
            return Unchanged(session.upstream.name, project, found, skew)
        return _page(session.upstream.name, project, response, body, found, skew)


def fetch_listing(session: UpstreamSession, project: NormalizedName) -> Listing:
    """Ask an index what itself holds of a project.

    Many send clients elsewhere for what they do not hold: nobody is asked there, whose name is not theirs.
    """
    index = session.upstream.index
    url = f"{index.rstrip('/')}/{quote(project)}/"
    with session.get(url, {"Accept": _ACCEPT}, within=index) as response:
        if response.is_redirect:
            raise NoSuchProject(url, "the index sends elsewhere for it")
        _check_status(url, response)
        body = read_bounded(response, _LARGEST_PAGE)
        read = _read(project, response, body)
        _refuse_strangers(response, read)
        if not read.entries and not _is_surely_a_page(response, body):
            raise NotAnIndexPage(response.url, "its answer lists no file, and does not say that it is a page")
        return Listing(project, response.url, read.entries)


def _check_status(url: str, response: Response) -> None:
    status = response.status_code
    if status in _GONE:
        raise NoSuchProject(url, "the upstream does not have it")
    if status in _REFUSED:
        raise UpstreamRefused(url, f"it answers {status}: the credentials are missing or wrong")
    if status not in (200, 304):
        raise UpstreamUnavailable(url, f"it answers {status}")


def _page(
    upstream: str, project: NormalizedName, response: Response, body: bytes, known: KnownPage, skew: float
) -> Page:
    read = _read(project, response, body)
    if not read.entries and read.status is not ProjectStatus.QUARANTINED:
        # A page that lists nothing is how a broken proxy or a portal looks, never "all removed".
        raise NotAnIndexPage(response.url, "its answer lists no file of the project")
    _refuse_strangers(response, read)
    listing = Listing(project, response.url, read.entries)
    return Page(upstream, listing, known, read.status, read.status_reason, skew)


def _is_surely_a_page(response: Response, body: bytes) -> bool:
    # PEP 629. Without it, a page of HTML that lists nothing may be anybody's.
    return response.headers.get("Content-Type", "").startswith(_JSON) or b"pypi:repository-version" in body


def _refuse_strangers(response: Response, read: ReadPage) -> None:
    if read.entries and all(is_ignored(entry.filename) for entry in read.entries):
        raise NotAnIndexPage(response.url, "its links name no package files; a portal or a login page?")


def _read(project: NormalizedName, response: Response, body: bytes) -> ReadPage:
    kind, _, parameters = response.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    try:
        if kind == _JSON:
            return read_json_page(body)
        if kind in ("text/html", "application/vnd.pypi.simple.v1+html"):
            charset = parameters.partition("charset=")[2].strip(' "') or None
            return read_html_page(project, body, response.url, charset)
    except ValueError as error:
        raise NotAnIndexPage(response.url, f"its answer cannot be read: {error}") from error
    raise NotAnIndexPage(response.url, f"its answer is `{kind or 'of no type'}` and no index page")


def _clock_skew(response: Response) -> float:
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return 0.0
    return (moment - datetime.now(timezone.utc)).total_seconds()
