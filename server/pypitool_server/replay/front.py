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
from pypitool_server.http.negotiated import FORM, LONG, RememberedForms
from pypitool_server.http.request_limits import (
    LONGEST_HEADER,
    LONGEST_KEPT,
    READ,
    Excess,
    excess_of,
    length_of,
    shortened,
)
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
        forwarded: str = "HTTP_X_FORWARDED_FOR",
        person: str | None = None,
    ) -> None:
        self._app = app
        self._classify = classify
        self._check = check
        self._answers = answers
        self._observe = observe
        self._forwarded = forwarded
        self._person = person  # where a proxy names who asks
        self._read = READ if person is None else READ | {person}
        self._forms = RememberedForms()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began = perf_counter()
        method = environ["REQUEST_METHOD"]
        if method != "GET" and method != "HEAD":
            return self._ask(environ, start_response, began, None)
        get = environ.get
        # These are read of any request, and are no part of the key by which an answer is found. The others
        # are, or select what is, and long ones are kept nowhere: who sends them comes to `_ask`.
        agent, hops = get("HTTP_USER_AGENT") or "", get(self._forwarded) or ""
        if len(agent) > LONGEST_HEADER or len(hops) > LONGEST_HEADER:
            return self._ask(environ, start_response, began, None)
        if self._person is not None and len(get(self._person) or "") > LONGEST_HEADER:
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
        form = self._forms[get("HTTP_ACCEPT"), get("HTTP_ACCEPT_ENCODING")]
        if form is LONG:
            return self._ask(environ, start_response, began, user)
        key = (
            rights, method, environ["PATH_INFO"], get("QUERY_STRING"), form.name,
            get("HTTP_IF_NONE_MATCH"), get("HTTP_IF_MODIFIED_SINCE"), get("HTTP_RANGE"), get("HTTP_IF_RANGE"),
        )  # fmt: skip
        answer = self._answers.get(key)
        if type(answer) is tuple:
            answer = self._answers.get((key, *map(get, answer)))
        if type(answer) is ReadyAnswer and answer.deadline > began:
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
        key: tuple[Hashable, ...] | None = None,
        ticket: int = 0,
    ) -> Iterable[bytes]:
        excess = excess_of(environ, self._read)
        if excess is not None:
            return self._refuse(environ, start_response, began, excess)
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

    def _refuse(
        self, environ: Environ, start_response: StartResponse, began: float, excess: Excess
    ) -> Iterable[bytes]:
        """Refuse a request that says more than it may, before anybody reads what."""
        status, sentence = excess
        body = f"{sentence}\n".encode()
        plain = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        start_response(status, [*plain, ("Content-Length", str(len(body)))])
        self._observe(shortened(environ), int(status[:3]), len(body), perf_counter() - began, None, False)
        return [body]

    def _keep(
        self, key: tuple[Hashable, ...], ticket: int, environ: Environ, mark: Mark, answer: ReadyAnswer
    ) -> None:
        keep = self._answers.put
        used = tuple(map(environ.get, mark.uses))
        length = length_of(key) + length_of(used)
        if length > LONGEST_KEPT:
            return
        if used:
            keep(key, mark.uses, size=length, dependencies=mark.dependencies, ticket=ticket)
            key = (key, *used)
        keep(key, answer, size=answer.size + length, dependencies=mark.dependencies, ticket=ticket)


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
