"""Answers as Flask sends them: plain text, redirects, and pages with their validators."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request

from pypitool.core.index.http import LAST_SERIAL, OUTCOME, if_none_match
from pypitool_server.replay.rendered import Representation

# What a redirect by `see_other` was made from, for `mark_replayable`.
SEE_OTHER_USES = ("SERVER_PROTOCOL",)

# Where the API is, below what the server is mounted at.
API = "/api/v1/"


def document(value: Any, status: int = 200, *, outcome: str | None = None) -> Response:
    """Answer with a JSON document that nobody keeps."""
    answer = Response(json.dumps(value) + "\n", status, content_type="application/json")
    answer.headers["Cache-Control"] = "no-store"
    if outcome is not None:
        answer.headers[OUTCOME] = outcome
    return answer


def text(sentences: str, status: int = 200) -> Response:
    """Answer in plain text."""
    return Response(sentences, status, content_type="text/plain; charset=utf-8")


def moved(location: str) -> Response:
    """Redirect to the one right spelling of an address; `location` is relative, so prefixes stay."""
    return _redirect(location, 301)


def see_other(location: str) -> Response:
    """Redirect to where the answer is, as pypiserver does it for HTTP/1.0 and for later ones."""
    return _redirect(location, 302 if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else 303)


def page(made: Representation, *, public: bool, policy: str | None = None) -> Response:
    """Answer with a page, or with 304 when the client has it; `policy` is what a browser may load."""
    headers = {"ETag": made.etag, **caching(public)}
    if made.serial is not None:
        # With a 304 too: the body may be the same after a change, and a mirror asks for the change.
        headers[LAST_SERIAL] = str(made.serial)
    if if_none_match(request.headers.get("If-None-Match"), made.etag):
        return Response(status=304, headers=headers)
    if made.zipped:
        headers["Content-Encoding"] = "gzip"
    if policy is not None:
        headers["Content-Security-Policy"] = policy
        # The addresses of an index in the house are nobody's business whose link is followed.
        headers["Referrer-Policy"] = "no-referrer"
    return Response(made.body, headers=headers, content_type=made.content_type)


def caching(public: bool) -> dict[str, str]:
    """Return what caches are told of a page: keep it, but ask before each use."""
    if public:
        return {"Vary": "Accept, Accept-Encoding", "Cache-Control": "no-cache"}
    return {"Vary": "Accept, Accept-Encoding, Authorization", "Cache-Control": "private, no-cache"}


def _redirect(location: str, status: int) -> Response:
    answer = text(f"see {location}\n", status)
    answer.headers["Location"] = location
    return answer
