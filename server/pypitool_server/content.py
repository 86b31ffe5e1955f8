"""Answers that are bytes of a file: whole or a part, or none when the client has them."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from flask import Response, request

from pypitool.core.index.http import (
    Range,
    Unsatisfiable,
    if_modified_since,
    if_none_match,
    if_range,
    parse_range,
)
from pypitool_server.http.bodies import StreamedBody


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
