"""Package files, their metadata and their signatures, at the addresses that lock files hold.

The answers are bytes of a file: whole or a part, or none when the client has them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, request
from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import SIGNATURE, BadFilename, parse
from pypitool.core.index.http import (
    Range,
    Unsatisfiable,
    if_modified_since,
    if_none_match,
    if_range,
    parse_range,
)
from pypitool.core.model import HeldFile, Location, ProjectStatus
from pypitool.core.rights.right import Right
from pypitool.repository.contact import put_in_inbox
from pypitool.store.failures import NoSuchFile
from pypitool.store.opened import Opened
from pypitool_server.access.access import RequestRights
from pypitool_server.http.bodies import FileBody, StreamedBody
from pypitool_server.logs.access_log import Download
from pypitool_server.replay.front import DOWNLOAD, mark_replayable
from pypitool_server.services import services
from pypitool_server.views.not_held import refuse_while_reading
from pypitool_server.views.sent_bytes import (
    FileChanging,
    SentPart,
    SentWhole,
    judge_opened,
    judge_small,
)

METADATA = ".metadata"
# Up to here a file is read at once and replayed from memory; larger ones go out in pieces.
SMALL = 64 * 1024


class FileNotHeld(PypitoolError):
    """Nothing is served at this address."""

    kind = Kind.NOT_FOUND
    sentence = "no such file here"


class Quarantined(PypitoolError):
    """A file of a project that is out of circulation: lock files name it by its address all the same."""

    kind = Kind.FORBIDDEN
    project: NormalizedName
    reason: str | None

    def __str__(self) -> str:
        return f"the project `{self.project}` is quarantined" + (f": {self.reason}" if self.reason else "")


def blueprint() -> Blueprint:
    """Return the addresses of files."""
    packages = Blueprint("files", __name__)
    packages.add_url_rule("/packages/<path:path>", "file", file_at)
    return packages


def file_at(path: str) -> Response:
    """Answer with a file, with its metadata at `.metadata`, or with its signature at `.asc`."""
    if path.endswith(METADATA):
        return _metadata(*_held(path.removesuffix(METADATA)))
    if path.endswith(SIGNATURE):
        return _signature(*_held(path.removesuffix(SIGNATURE)))
    return _package(*_held(path))


def _held(path: str) -> tuple[HeldFile, RequestRights]:
    here = services()
    file = here.repository.catalogue.file_at(path)
    project = _project_at(path) if file is None else file.project
    if project is None:
        here.access.require_some(Right.DOWNLOAD)
        raise FileNotHeld
    rights = here.access.require(Right.DOWNLOAD, project, absent=FileNotHeld())
    if file is None:
        refuse_while_reading()
        raise FileNotHeld
    _refuse_quarantined(file.project)
    return file, rights


def _refuse_quarantined(project: NormalizedName) -> None:
    # PEP 792 speaks of pages alone. But an installation from a lock file asks for no page, and malware is
    # what people quarantine.
    status, reason = services().repository.catalogue.status(project)
    if status is ProjectStatus.QUARANTINED:
        raise Quarantined(project, reason)


def _project_at(path: str) -> NormalizedName | None:
    """Return the project that a file at this path would be of: the answer is the one to a file of it."""
    try:
        return parse(path.rpartition("/")[2]).project
    except BadFilename:
        return None


def _metadata(file: HeldFile, rights: RequestRights) -> Response:
    mark_replayable({file.project})
    digest = file.contents.metadata_sha256
    body = None if digest is None else services().repository.catalogue.metadata(digest)
    if body is None:
        raise FileNotHeld
    about = Content(file.filename + METADATA, len(body), f'"{digest}"', cache_control=_caching(rights))
    return _sent_bytes(about, body)


def _signature(file: HeldFile, rights: RequestRights) -> Response:
    if not file.signed:
        raise FileNotHeld
    beside = Location(file.location.root, file.location.path + SIGNATURE)
    with services().repository.store.open(beside) as opened:
        body = os.pread(opened.descriptor, SMALL, 0)
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    return _sent_bytes(Content(beside.filename, len(body), etag, cache_control=_caching(rights)), body)


def _package(file: HeldFile, rights: RequestRights) -> Response:
    try:
        return _sent(file, rights)
    except FileChanging:
        # Between the look into the catalogue and at the disk, an upload may have replaced it.
        now = services().repository.catalogue.held_at(file.location)
        if now is None or now == file:
            _doubter(file)()
            raise
        return _sent(now, rights)


def _sent(file: HeldFile, rights: RequestRights) -> Response:
    about = Content(
        file.filename,
        file.stat.size,
        f'"{file.contents.digests.sha256}"',
        file.stat.mtime_ns / 1e9,
        _caching(rights),
    )
    server = services().settings.server
    if server.download_log:
        sha256 = file.contents.digests.sha256
        request.environ[DOWNLOAD] = Download(file.filename, file.project, file.version, sha256)
    internal = server.accel_redirect
    with _opened(file) as opened:
        if internal is not None and _is_left_to_nginx(about):
            return _accelerated(about, internal, file.location)
        if file.stat.size <= SMALL:
            return _sent_small(file, about, opened.descriptor)
        part = asked_part(about)
        # HEAD, 304 and 416 have no body: nothing is read for them.
        if part.length == 0 or request.method == "HEAD":
            return sent(about, part, b"")
        return sent(about, part, _streamed(file, opened.descriptor, part))


def _sent_small(file: HeldFile, about: Content, descriptor: int) -> Response:
    body = os.pread(descriptor, SMALL, 0)
    judge_small(file, descriptor, body)
    mark_replayable({file.project})
    return _sent_bytes(about, body)


def _streamed(file: HeldFile, descriptor: int, part: Part) -> FileBody:
    here = services()
    place = here.threads.sending.take(here.access.client(request.environ))
    # Its own descriptor, which the body closes: the one here ends with the view.
    own = os.dup(descriptor)
    doubt = _doubter(file)
    is_whole = part.status == 200
    judge = SentWhole(file, own, doubt) if is_whole else SentPart(file, own, part.length, doubt)
    return FileBody(own, part.start, part.length, place.give, judge)


def _opened(file: HeldFile) -> Opened:
    try:
        opened = services().repository.store.open(file.location)
    except NoSuchFile as error:
        raise FileChanging(file.filename) from error
    try:
        judge_opened(file, opened, _doubter(file))
    except BaseException:
        opened.close()
        raise
    return opened


def _doubter(file: HeldFile) -> Callable[[], None]:
    """Return what has the keeper look at a file again."""
    return partial(put_in_inbox, services().repository.files, file.location)


def _is_left_to_nginx(about: Content) -> bool:
    # nginx looks at conditions before it has our ETag: to `If-None-Match` it sends everything again, to
    # `If-Match` always 412.
    return asked_part(about).status != 304 and "If-Match" not in request.headers


def _accelerated(about: Content, internal: str, location: Location) -> Response:
    """Let nginx send the file; it judges ranges by itself."""
    roots = len(services().repository.roots)
    path = location.path if roots == 1 else f"{location.root}/{location.path}"
    answer = sent(about, Part(200), b"")
    del answer.headers["Accept-Ranges"]  # nginx says it once more
    answer.headers["X-Accel-Redirect"] = f"{internal.rstrip('/')}/{quote(path)}"
    return answer


def _sent_bytes(about: Content, body: bytes) -> Response:
    part = asked_part(about)
    return sent(about, part, body[part.start : part.start + part.length])


def _caching(rights: RequestRights) -> str | None:
    age = services().settings.server.cache_control
    if not rights.public:
        return "private" if age is None else f"private, max-age={age}"
    return None if age is None else f"public, max-age={age}"


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of a file before a byte of it is read."""

    filename: str
    size: int
    etag: str
    modified: float | None = None
    cache_control: str | None = None

    @property
    def last_modified(self) -> str | None:
        """The header."""
        return None if self.modified is None else formatdate(self.modified, usegmt=True)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a content an answer holds, and the Content-Range that says so."""

    status: int
    start: int = 0
    length: int = 0
    content_range: str | None = None


def asked_part(content: Content) -> Part:
    """Decide by the headers of the current request."""
    if _is_known(content):
        return Part(304)
    wanted = _wanted_range(content)
    if isinstance(wanted, Unsatisfiable):
        return Part(416, content_range=wanted.content_range)
    if isinstance(wanted, Range):
        return Part(206, wanted.start, wanted.length, wanted.content_range)
    return Part(200, 0, content.size)


def sent(content: Content, part: Part, body: bytes | StreamedBody) -> Response:
    """Answer with a part of a content."""
    answer = Response(status=part.status, headers=_headers(content, part))
    if part.status == 304:
        return answer
    answer.content_type = "application/octet-stream"
    if isinstance(body, StreamedBody):
        answer.response = body
        answer.direct_passthrough = True
    else:
        answer.set_data(body)
    answer.content_length = part.length
    return answer


def _headers(content: Content, part: Part) -> dict[str, str]:
    headers = {
        "ETag": content.etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": content.last_modified,
        "Cache-Control": content.cache_control,
        "Content-Range": part.content_range,
    }
    if part.status in (200, 206):
        headers["Content-Disposition"] = f'attachment; filename="{content.filename}"'
    return {name: value for name, value in headers.items() if value is not None}


def _is_known(content: Content) -> bool:
    known = request.headers.get("If-None-Match")
    if known is not None:
        return if_none_match(known, content.etag)
    since = request.headers.get("If-Modified-Since")
    return content.modified is not None and if_modified_since(since, content.modified)


def _wanted_range(content: Content) -> Range | Unsatisfiable | None:
    # RFC 9110, 14.2: "A server MUST ignore a Range header field received with a request method [...] for
    # which range handling is not defined. For this specification, GET is the only method".
    if request.method != "GET":
        return None
    if not if_range(request.headers.get("If-Range"), content.etag, content.last_modified):
        return None
    return parse_range(request.headers.get("Range"), content.size)
