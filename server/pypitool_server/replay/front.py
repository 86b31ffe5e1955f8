"""Replay of ready answers in front of Flask: Flask decides once, this hands out the bytes.

It never computes an answer of its own. An answer is found by the rights class of the request (never by
its credentials), method, path, query, negotiated type and coding, and the conditional and Range headers;
by host, scheme or prefix only where the answer said that it used them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from flask import request

from pypitool.core.errors import PypitoolError
from pypitool_server.http.bodies import PIECE, FileBody, StreamedBody
from pypitool_server.http.negotiated import FORM, form_of
from pypitool_server.http.wsgi_types import Application, Environ, Headers, StartResponse
from pypitool_server.replay.cache import BoundedCache

MARK = "pypitool.replay"
USER = "pypitool.user"
# Which file is in the answer: the view leaves word where downloads are logged, and so does a replay.
DOWNLOAD = "pypitool.download"

# An error that is true now may be untrue in a moment: only these are ever kept.
REPLAYABLE = frozenset({200, 206, 301, 302, 303, 304, 404, 406, 416})


class Observe(Protocol):
    """What the access log and the metrics learn of each request."""

    def __call__(
        self, environ: Environ, status: int, size: int, seconds: float, user: str | None, replayed: bool
    ) -> None:
        """Note one answered request."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a view says about its answer: it may be replayed while these dependencies stand."""

    dependencies: tuple[str, ...]
    deadline: float
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """An answer as WSGI sends it."""

    status: str
    headers: Headers
    body: list[bytes]
    code: int
    size: int
    deadline: float
    download: object = None


def mark_replayable(
    dependencies: Collection[str], *, seconds: float = math.inf, uses: tuple[str, ...] = ()
) -> None:
    """Say that the answer to this request may be replayed until one of `dependencies` changes.

    `uses` names the keys of the WSGI environment that went into the answer, beside those that are a part
    of every key; after `seconds` it ends in any case.
    """
    request.environ[MARK] = Mark(tuple(dependencies), perf_counter() + seconds, uses)


class _Started:
    """What the application said before its body."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> None:
        self.status = status
        self.headers = headers


class ReplayFront:
    """A WSGI callable that replays what it may and asks `app` for the rest."""

    def __init__(
        self,
        app: Application,
        *,
        classify: Callable[[Environ], tuple[Hashable, str | None]],
        check: Callable[[], int],
        answers: BoundedCache[Hashable, ReadyAnswer | tuple[str, ...]],
        observe: Observe,
    ) -> None:
        self._app = app
        self._classify = classify
        self._check = check
        self._answers = answers
        self._observe = observe

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began = perf_counter()
        method = environ["REQUEST_METHOD"]
        if method != "GET" and method != "HEAD":
            return self._ask(environ, start_response, began, None)
        try:
            # Before the class: who owns what is a part of it, and an answer that is kept for a class must be
            # younger than what the class was made of.
            ticket = self._check()
            rights, user = self._classify(environ)
        except (PypitoolError, OSError):
            # Nothing is known to be fresh: the views meet the same failure, and say what it is.
            return self._ask(environ, start_response, began, None)
        if rights is None:
            return self._ask(environ, start_response, began, user)
        get = environ.get
        form = form_of(get("HTTP_ACCEPT"), get("HTTP_ACCEPT_ENCODING"))
        key = (
            rights,
            method,
            environ["PATH_INFO"],
            get("QUERY_STRING"),
            form.name,
            get("HTTP_IF_NONE_MATCH"),
            get("HTTP_IF_MODIFIED_SINCE"),
            get("HTTP_RANGE"),
            get("HTTP_IF_RANGE"),
        )
        answer = self._answers.get(key)
        if isinstance(answer, tuple):
            answer = self._answers.get((key, *map(get, answer)))
        if isinstance(answer, ReadyAnswer) and answer.deadline > began:
            # A copy of the headers: an engine may add its own to the list that it is given.
            start_response(answer.status, answer.headers[:])
            if answer.download is not None:
                environ[DOWNLOAD] = answer.download
            self._observe(environ, answer.code, answer.size, perf_counter() - began, user, True)
            return answer.body
        environ[FORM] = form  # the views need not read the two headers again
        return self._ask(environ, start_response, began, user, key, ticket)

    def _ask(
        self,
        environ: Environ,
        start_response: StartResponse,
        began: float,
        user: str | None,
        key: Hashable = None,
        ticket: int = 0,
    ) -> Iterable[bytes]:
        started = _Started()
        body = self._app(environ, started)
        code = int(started.status[:3])

        def ended(sent: int) -> None:
            self._observe(environ, code, sent, perf_counter() - began, environ.get(USER, user), False)

        if not isinstance(body, StreamedBody):
            content = _whole(body)
            mark = environ.get(MARK)
            if key is not None and mark is not None and code in REPLAYABLE:
                answer = _answer(started, content, code, mark.deadline, environ.get(DOWNLOAD))
                self._keep(key, ticket, environ, mark, answer)
            start_response(started.status, started.headers)
            ended(len(content))
            return [content]
        start_response(started.status, started.headers)
        body.at_end(ended)
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and isinstance(body, FileBody):
            wrapped: Iterable[bytes] = wrapper(body, PIECE)
            return wrapped
        return body

    def _keep(self, key: Hashable, ticket: int, environ: Environ, mark: Mark, answer: ReadyAnswer) -> None:
        keep = self._answers.put
        if mark.uses:
            keep(key, mark.uses, size=0, dependencies=mark.dependencies, ticket=ticket)
            key = (key, *map(environ.get, mark.uses))
        keep(key, answer, size=answer.size, dependencies=mark.dependencies, ticket=ticket)


def _whole(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _answer(started: _Started, content: bytes, code: int, deadline: float, download: object) -> ReadyAnswer:
    # Most names and values are the same in thousands of answers: interned, they are held once.
    headers = [(sys.intern(name), sys.intern(value)) for name, value in started.headers]
    return ReadyAnswer(sys.intern(started.status), headers, [content], code, len(content), deadline, download)
