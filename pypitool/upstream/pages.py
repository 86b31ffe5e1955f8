"""Project pages of any simple index: asked for with what we know of them, and read by their type.

A project's page in JSON (PEP 691), read with the standard library: it is asked for hundreds of times.

What an index says of one release in its legacy JSON, where it has such a thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urljoin

from packaging.utils import NormalizedName

from pypitool.core.filenames import is_ignored
from pypitool.core.model import ProjectStatus
from pypitool.upstream.errors import NoSuchProject, NotAnIndexPage, UpstreamRefused, UpstreamUnavailable
from pypitool.upstream.html_page import read_html_page
from pypitool.upstream.listing import Entry, Listing, ReadPage
from pypitool.upstream.page_model import KnownPage, Page, Unchanged
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


_FIELDS: tuple[tuple[str, type, bool], ...] = (
    ("filename", str, True),
    ("url", str, True),
    ("hashes", dict, True),
    ("size", int, False),
    ("requires-python", str, False),
    ("upload-time", str, False),
)


def read_json_page(body: bytes) -> ReadPage:
    """Read a page, or raise `ValueError` that says what is wrong with it."""
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    _check_version(_of(document, "meta", dict).get("api-version"))
    status = document.get("project-status")
    word, reason = (status.get("status"), status.get("reason")) if isinstance(status, dict) else (None, None)
    return ReadPage(
        tuple(_entries(_of(document, "files", list))),
        _status(word),
        reason if isinstance(reason, str) else None,
    )


def _status(word: object) -> ProjectStatus:
    # PEP 792 lets indexes invent markers; one that nobody here knows forbids nothing.
    known = (status for status in ProjectStatus if status.value == word)
    return next(known, ProjectStatus.ACTIVE)


def _check_version(version: object) -> None:
    # PEP 691: "If the major version is greater than a client supports, it MUST fail".
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise ValueError(f"its api-version is {version!r}, not 1.x")


def _entries(files: list[Any]) -> Iterator[Entry]:
    for number, file in enumerate(files):
        try:
            yield _entry(file)
        except ValueError as error:
            raise ValueError(f"files[{number}]: {error}") from None


def _entry(file: Any) -> Entry:
    if not isinstance(file, dict):
        raise ValueError("it is no object")
    get = file.get
    name, url, hashes = get("filename"), get("url"), get("hashes")
    size, requires, uploaded = get("size"), get("requires-python"), get("upload-time")
    # Without a call for each: there are thousands of files, and nearly all of them are sound.
    if not (
        isinstance(name, str)
        and isinstance(url, str)
        and isinstance(hashes, dict)
        and (size is None or isinstance(size, int))
        and (requires is None or isinstance(requires, str))
        and (uploaded is None or isinstance(uploaded, str))
    ):
        raise _fault(file)
    metadata = _metadata(get("core-metadata"))
    return Entry(name, url, hashes, size, requires, _yanked(get("yanked")), uploaded, metadata)


def _fault(file: Mapping[str, Any]) -> ValueError:
    for key, kind, is_needed in _FIELDS:
        value = file.get(key)
        if value is None and is_needed:
            return ValueError(f"its {key} is missing")
        if value is not None and not isinstance(value, kind):
            return ValueError(f"its {key} is of a wrong type")
    raise AssertionError(file)


def _of(holder: Mapping[str, Any], key: str, kind: type) -> Any:
    value = holder.get(key)
    if not isinstance(value, kind):
        raise ValueError(f"its {key} is {'missing' if value is None else 'of a wrong type'}")
    return value


def _yanked(value: Any) -> str | None:
    # PEP 592: "may be a boolean or a non-empty string"; pip takes an empty one for not yanked.
    if not value:
        return None
    return value if isinstance(value, str) else ""


def _metadata(value: Any) -> str | None:
    found = value.get("sha256") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


_LARGEST = 64 * 1024**2


def release_document(session: UpstreamSession, project: NormalizedName, version: str) -> object:
    """Return the document of a release; None when the index has none, or answers something else."""
    # The API lies beside the simple index: `/pypi/NAME/VERSION/json` and `/simple/`.
    url = urljoin(session.upstream.index, f"../pypi/{quote(project)}/{quote(version)}/json")
    with session.get(url, {"Accept": "application/json"}) as response:
        if response.status_code != 200:
            return None
        body = read_bounded(response, _LARGEST)
    try:
        return json.loads(body)
    except ValueError:
        return None
