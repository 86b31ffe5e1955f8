"""The body of a request: counted, bounded, read to its end, and from no other site."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import ClassVar

from flask import Response, request

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.pace import LEAST_RATE, WINDOW_SECONDS
from pypitool_server.http.proxies import plain
from pypitool_server.http.slow_connections import Answering
from pypitool_server.http.thread_budget import PoolFull
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.services import Services, services

BODY = "pypitool.body"
ANSWERING = "pypitool.answering"
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PIECE = 64 * 1024
# After an early answer: a client that is still sending would see a broken connection instead of it.
DRAINED_BYTES = 64 * 1024**2
DRAINED_SECONDS = 10.0
# So much of a body comes with the head, or right behind it, and the engine has read it.
SENT_AT_ONCE = 8 * 1024
# So much of a body the engine has often read when it is refused, and the connection then serves the next.
READ_AHEAD = 64 * 1024
LONGEST_LENGTH = 18  # digits; more are a joke, and int() refuses thousands of them
DRAINED_PIECE = 4096  # a trickle must not hide the time that passes


class RequestBody:
    """Read the body of one request, in pieces."""

    def __init__(self, environ: Environ, answering: Answering, *, patience: float) -> None:
        self._source = environ["wsgi.input"]
        self._answering = answering
        self._patience = patience
        self.expected, self._is_honest = expected_length(environ)
        self.received = 0
        self._waited = 0.0  # for all pieces
        self._longest_wait = 0.0  # and for one
        # Without a length the engine alone knows the end; one that does not would wait for ever.
        self._ended = self.expected is None and not environ.get("wsgi.input_terminated")
        self._awaits_permission = environ.get("HTTP_EXPECT", "").lower() == "100-continue"

    @property
    def ended(self) -> bool:
        """Whether everything that was promised has been read."""
        return self._ended or self.received == self.expected

    def pieces(self, limit: int) -> Iterator[bytes]:
        """Iterate over the whole body; raise what is wrong with it as soon as it shows."""
        if not self._is_honest:
            raise BadLength
        if (self.expected or 0) > limit:
            raise BodyTooLarge(limit)
        while piece := self._read(PIECE):
            if self.received > limit:
                raise BodyTooLarge(limit)
            yield piece
        self._complain()

    @property
    def is_coming(self) -> bool:
        """Whether its sender may be in the middle of it."""
        return not self.ended and not self.is_withheld

    @property
    def is_withheld(self) -> bool:
        """Whether its sender has asked first: he knows by the answer, and sends nothing."""
        return self._awaits_permission and not self.received and not self.ended

    def drain(self) -> None:
        """Read on and drop it, for a while: who is still sending reads no answer."""
        most, until = self.received + DRAINED_BYTES, time.monotonic() + DRAINED_SECONDS
        while self.received < most and time.monotonic() < until and self._read(DRAINED_PIECE):
            pass

    def _read(self, size: int) -> bytes:
        if self.ended:
            return b""
        if self.expected is not None:
            size = min(size, self.expected - self.received)
        began = time.monotonic()
        with self._answering.waiting():
            try:
                piece: bytes = self._source.read(size)
            except OSError:  # how gunicorn and others say that the client went away
                piece = b""
        waited = time.monotonic() - began
        self._waited += waited
        self._longest_wait = max(self._longest_wait, waited)
        self.received += len(piece)
        if not piece:
            self._ended = True
        return piece

    def _complain(self) -> None:
        if self.received == self.expected:
            return
        # The watch over slow connections ended it, or its sender did just then.
        if self._longest_wait >= self._patience:
            raise BodySilent(self._patience)
        if self._waited >= WINDOW_SECONDS and self.received < LEAST_RATE * self._waited:
            raise BodySlow(LEAST_RATE)
        if self.expected is not None:
            raise BodyCut(self.received, self.expected)


def current_body(here: Services) -> RequestBody:
    """Return the body of the current request."""
    body: RequestBody | None = request.environ.get(BODY)
    if body is None:
        answering: Answering = request.environ[ANSWERING]
        body = RequestBody(request.environ, answering, patience=here.settings.server.body_timeout)
        request.environ[BODY] = body
    return body


def small_body(here: Services, limit: int) -> bytes:
    """Read the whole body of the current request, which is short unless somebody takes his time."""
    with here.threads.small.take(here.access.client(request.environ)):
        return b"".join(current_body(here).pieces(limit))


def begin_answering() -> None:
    """Note that the current request is being answered: it takes our time now, and not its client's."""
    environ = request.environ
    environ[ANSWERING] = services().answers.begin(plain(environ.get("REMOTE_ADDR") or ""))


def end_answering() -> None:
    """Note that the current request was answered."""
    answering = request.environ.pop(ANSWERING, None)
    if answering is not None:
        services().answers.end(answering)


def drain_early(answer: Response) -> None:
    """Let a client that was refused finish sending: only then does it read the answer."""
    here, environ = services(), request.environ
    body = current_body(here)
    # Of HTTP/2 a single stream is ended, and its sender knows that the answer is whole (RFC 9113, 8.1).
    if environ.get("SERVER_PROTOCOL") == "HTTP/2":
        return
    if body.is_withheld:
        # "A server that responds with a final status code before reading the entire request content SHOULD
        # indicate whether it intends to close the connection" (RFC 9110, 10.1.1): Apache sends it all if not.
        answer.headers["Connection"] = "close"
    if not body.is_coming:
        return
    peer = plain(environ.get("REMOTE_ADDR") or "")
    lingering = here.lingering if peer else None
    if lingering is not None and body.expected is not None and body.expected <= SENT_AT_ONCE:
        return
    # Who keeps silent here has shown no password: it is never a place of those who upload.
    with suppress(PoolFull), here.threads.small.take(here.access.client(environ)):
        if lingering is None:
            body.drain()
            return
        lingering.keep(peer)
    if body.expected is None or body.expected > READ_AHEAD:
        answer.headers["Connection"] = "close"


def expected_length(environ: Environ) -> tuple[int | None, bool]:
    """Return the declared length, and whether it can be one; chunked counts beside it (RFC 9112, 6.3)."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None, True
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None, True
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_LENGTH):
        return None, False
    return int(text), True


def refuse_other_sites() -> None:
    """Raise `FromAnotherSite` unless the current request comes from no page, or from one of ours."""
    # No cookie is ever read, but browsers send Basic credentials along by themselves.
    origin = request.headers.get("Origin")
    if origin is not None and _host(origin) != _host(services().external.base_url(request.environ)):
        raise FromAnotherSite
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise FromAnotherSite


def refuse_pages() -> None:
    """Raise `FromAnotherSite` for whatever a page sends, of whichever site: for what pages never send."""
    # A page may call its host by any name (DNS rebinding), and that name is then in Origin and Host alike.
    if request.headers.get("Origin") is not None:
        raise FromAnotherSite
    refuse_other_sites()


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()


class BodyTooLarge(PypitoolError):
    """More bytes than are accepted."""

    kind = Kind.INVALID
    status = 413
    sentence = "more than the {limit:,} bytes that are accepted here"
    limit: int


class BodyCut(PypitoolError):
    """A body that ended before it was whole: the client went away, or its length was a lie."""

    kind = Kind.INVALID
    received: int
    expected: int | None

    def __str__(self) -> str:
        of = "" if self.expected is None else f" of {self.expected:,}"
        return f"the request ended early, after {self.received:,}{of} bytes"


class BodySilent(PypitoolError):
    """A body whose sender stopped in the middle."""

    kind = Kind.INVALID
    status = 408
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}
    sentence = "the request was silent for {seconds:g} s in its middle"
    seconds: float


class BodySlow(PypitoolError):
    """A body that came so slowly that it would have held its place for hours."""

    kind = Kind.INVALID
    status = 408
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}
    sentence = "the request came at less than {rate:,} bytes a second"
    rate: int


class BadLength(PypitoolError):
    """A body whose length is said in a way that nobody can trust."""

    kind = Kind.INVALID
    sentence = "the Content-Length of the request is not a number"


class FromAnotherSite(PypitoolError):
    """A page of somebody else's made a browser send this, with the credentials that the browser keeps."""

    kind = Kind.FORBIDDEN
    sentence = "changes from the pages of other sites are refused"
