"""Project pages of any simple index: fetched with what we know of them, read by pypi-simple.

pypi-simple takes 250 ms to import, so it is imported where a page is read and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import NormalizedName, parse_wheel_filename

from pypitool.core.filenames import BadFilename, Distribution, is_ignored, parse
from pypitool.core.model import FileKind, ProjectStatus
from pypitool.core.selection import Candidate
from pypitool.upstream.errors import NoSuchProject, NotAnIndexPage, UpstreamRefused, UpstreamUnavailable
from pypitool.upstream.model import KnownPage, Page, Unchanged
from pypitool.upstream.session import Response, UpstreamSession, read_bounded

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage, ProjectPage

_LARGEST_PAGE = 64 * 1024**2
_JSON = "application/vnd.pypi.simple.v1+json"
# HTML of either name; a plain `text/html` last, because JSON alone tells sizes and upload times.
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_GONE = frozenset({404, 410})
_REFUSED = frozenset({401, 403, 407})
_STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}


def default_index() -> str:
    """Return the address of the public PyPI."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


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
    parsed = _parsed(project, response, body)
    status = ProjectStatus(parsed.status.value) if parsed.status is not None else ProjectStatus.ACTIVE
    candidates = tuple(_candidates(project, parsed.packages))
    if not candidates and status is not ProjectStatus.QUARANTINED and not parsed.packages:
        # A page that lists nothing is how a broken proxy or a portal looks, never "all removed".
        raise NotAnIndexPage(response.url, "its answer lists no file of the project")
    _refuse_strangers(response.url, parsed, candidates)
    return Page(
        upstream=upstream,
        project=project,
        candidates=candidates,
        known=known,
        status=status,
        status_reason=parsed.status_reason,
        skipped=len(parsed.packages) - len(candidates),
        clock_skew=skew,
    )


def _refuse_strangers(url: str, parsed: ProjectPage, candidates: tuple[Candidate, ...]) -> None:
    looks_like_files = any(not is_ignored(package.filename) for package in parsed.packages)
    if parsed.packages and not candidates and not looks_like_files:
        raise NotAnIndexPage(url, "its links name no package files; a portal or a login page?")


def _parsed(project: NormalizedName, response: Response, body: bytes) -> ProjectPage:
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    kind, _, parameters = response.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    try:
        if kind == _JSON:
            return ProjectPage.from_json_data(_decoded(body), response.url)
        if kind in ("text/html", "application/vnd.pypi.simple.v1+html"):
            charset = parameters.partition("charset=")[2].strip(' "') or None
            return ProjectPage.from_html(project, body, response.url, charset)
    except (ValueError, UnsupportedRepoVersionError) as error:
        # pydantic's ValidationError is a ValueError; its many lines say less than this one.
        reason = str(error).partition("\n")[0]
        raise NotAnIndexPage(response.url, f"its answer cannot be read: {reason}") from error
    raise NotAnIndexPage(response.url, f"its answer is `{kind or 'of no type'}` and no index page")


def _decoded(body: bytes) -> object:
    import json

    return json.loads(body)


def _candidates(project: NormalizedName, packages: Iterable[DistributionPackage]) -> Iterator[Candidate]:
    for package in packages:
        distribution = _distribution(package.filename)
        # `cffi-1.0.2-2.tar.gz` reads as version 2 of `cffi-1-0-2`: it is no file of this project.
        if distribution is not None and distribution.project == project:
            yield _candidate(package, distribution)


def _distribution(filename: str) -> Distribution | None:
    try:
        distribution = parse(filename)
    except BadFilename:
        return None
    known = distribution.parsed_version is not None and distribution.kind is not FileKind.LEGACY
    return distribution if known else None


def _candidate(package: DistributionPackage, distribution: Distribution) -> Candidate:
    assert distribution.parsed_version is not None
    is_wheel = distribution.kind is FileKind.WHEEL
    _, _, build, tags = parse_wheel_filename(package.filename) if is_wheel else ("", "", (), frozenset())
    return Candidate(
        filename=package.filename,
        project=distribution.project,
        version=distribution.parsed_version,
        kind=distribution.kind,
        tags=tags,
        build=build,
        url=package.url,
        hashes=frozenset(_hashes(package.digests)),
        size=package.size,
        requires_python=package.requires_python or None,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        upload_time=_time(package.upload_time),
        metadata_sha256=(package.metadata_digests or {}).get("sha256"),
    )


def _hashes(digests: dict[str, str]) -> Iterator[str]:
    for name, value in digests.items():
        if _STRONG.get(name.lower()) == len(value):
            yield f"{name.lower()}:{value.lower()}"


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _clock_skew(response: Response) -> float:
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return 0.0
    return (moment - datetime.now(timezone.utc)).total_seconds()
