"""A small simple index on loopback that can fail in every way a real one does."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Authority
from tests.support.server_thread import ServerThread

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that the index lists and serves."""

    filename: str
    body: bytes
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = "2026-01-02T03:04:05.678900Z"
    sha256: str | None = None  # what the page claims, when it lies
    size: int | None = None  # the same
    metadata: bytes | None = None  # served beside it, and announced

    @property
    def digest(self) -> str:
        """The digest that the page gives."""
        return self.sha256 or hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Dialect:
    """What this index speaks."""

    json: bool = True
    etags: bool = True
    hashes: bool = True
    sizes: bool = True
    upload_times: bool = True
    ranges: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the index is about to send, before a fault has its way with it."""

    status: int
    headers: dict[str, str]
    body: bytes


Action = Callable[["Handler", Answer], None]


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with the paths that match, a number of times."""

    pattern: str
    action: Action
    times: int = 1_000_000


@dataclass(slots=True)
class Index:
    """What is on offer, and how it behaves; tests change it while it runs."""

    offers: dict[str, list[Offer]] = field(default_factory=dict)
    statuses: dict[str, tuple[str, str]] = field(default_factory=dict)
    dialect: Dialect = Dialect()
    delay: float = 0.0
    credentials: tuple[str, str] | None = None
    faults: list[Fault] = field(default_factory=list)
    legacy_json: dict[str, Any] = field(default_factory=dict)  # path -> document
    texts: dict[str, bytes] = field(default_factory=dict)  # path -> what stands there


def respond(status: int, *, body: bytes = b"", **headers: str) -> Action:
    """Answer something else; `Retry_After` becomes `Retry-After`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, answer: handler.send(Answer(status, named, body))


def portal() -> Action:
    """Answer 200 with a page that asks to log in."""
    page = b'<!DOCTYPE html><html><body><a href="/login">Please log in</a></body></html>'
    return respond(200, body=page, Content_Type="text/html")


def redirect(location: str) -> Action:
    """Send the client elsewhere."""
    return respond(302, Location=location)


def truncate(length: int) -> Action:
    """Announce the whole body and send the beginning."""
    return lambda handler, answer: handler.send(answer, announced=len(answer.body), upto=length)


def reset() -> Action:
    """Break the connection without an answer."""

    def act(handler: Handler, answer: Answer) -> None:
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.close_connection = True
        handler.connection.close()

    return act


def other_bytes() -> Action:
    """Serve a body of the right length with wrong bytes."""
    return lambda handler, answer: handler.send(replace(answer, body=bytes(len(answer.body))))


def drip(piece: int, pause: float) -> Action:
    """Send the body in small pieces with pauses between them."""
    return lambda handler, answer: handler.send(answer, piece=piece, pause=pause)


def stall(length: int, seconds: float) -> Action:
    """Send the beginning of the body and then nothing."""

    def act(handler: Handler, answer: Answer) -> None:
        handler.send(answer, announced=len(answer.body), upto=length, keep_open=seconds)

    return act


class Handler(BaseHTTPRequestHandler):
    """Answers from the server's index."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer one request."""
        index = self.server.index
        with self.server.recording:
            self.server.seen.append(Seen(self.command, self.path, dict(self.headers)))
        if index.delay:
            time.sleep(index.delay)
        answer = self._answer(index)
        for fault in list(index.faults):
            if fault.times > 0 and re.search(fault.pattern, self.path):
                fault.times -= 1
                fault.action(self, answer)
                return
        self.send(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read what was seen."""

    def send(
        self,
        answer: Answer,
        *,
        announced: int | None = None,
        upto: int | None = None,
        piece: int = 65536,
        pause: float = 0.0,
        keep_open: float = 0.0,
    ) -> None:
        """Send an answer, or as much of it as a fault lets through."""
        body = b"" if self.command == "HEAD" else answer.body[:upto]
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if announced is None else announced))
        self.end_headers()
        try:
            for start in range(0, len(body), piece):
                self.wfile.write(body[start : start + piece])
                time.sleep(pause)
        except OSError:
            self.close_connection = True
        if announced is not None and announced != len(body) and self.command != "HEAD":
            self.server.closing.wait(keep_open)
            self.close_connection = True

    def _answer(self, index: Index) -> Answer:
        if index.credentials and self.headers.get("Authorization") != _basic(*index.credentials):
            return Answer(401, {"WWW-Authenticate": 'Basic realm="fake"'}, b"")
        if self.path in index.legacy_json:
            body = json.dumps(index.legacy_json[self.path]).encode()
            return Answer(200, {"Content-Type": "application/json"}, body)
        if self.path in index.texts:
            return Answer(200, {"Content-Type": "text/plain"}, index.texts[self.path])
        found = re.fullmatch(r"/simple/([^/]+)/", self.path)
        if found and (found[1] in index.offers or found[1] in index.statuses):
            return self._page(index, found[1])
        filename = self.path.rpartition("/")[2].replace("%2B", "+")
        for offers in index.offers.values():
            for offer in offers:
                if self.path.startswith("/files/") and filename == offer.filename:
                    return self._file(offer, index.dialect)
                if offer.metadata is not None and filename == f"{offer.filename}.metadata":
                    return Answer(200, {"Content-Type": "application/octet-stream"}, offer.metadata)
        return Answer(404, {"Content-Type": "text/plain"}, b"not here\n")

    def _page(self, index: Index, project: str) -> Answer:
        dialect = index.dialect
        body = (_json_page if dialect.json else html_page)(index, project).encode()
        headers = {"Content-Type": JSON_TYPE if dialect.json else "text/html"}
        if dialect.etags:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                return Answer(304, headers, b"")
        return Answer(200, headers, body)

    def _file(self, offer: Offer, dialect: Dialect) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        if dialect.etags:
            headers["ETag"] = f'"{hashlib.sha256(offer.body).hexdigest()[:16]}"'
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range", headers.get("ETag")) == headers.get("ETag")
        if wanted and dialect.ranges and unchanged:
            size = len(offer.body)
            start = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
            end = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
            if start >= size:
                return Answer(416, {"Content-Range": f"bytes */{size}"}, b"")
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
            return Answer(206, headers, offer.body[start : end + 1])
        if dialect.ranges:
            headers["Accept-Ranges"] = "bytes"
        return Answer(200, headers, offer.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, index: Index, authority: Authority | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.chain, authority.key)
            # The handshake comes with the first read: a client that breaks it off must not end the server.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.index = index
        self.seen: list[Seen] = []
        self.recording = threading.Lock()
        self.closing = threading.Event()

    def shutdown(self) -> None:
        """End, and every answer that waits for that."""
        self.closing.set()
        super().shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, and a fault that cut the line, are what tests ask for."""


class FakeUpstream(ServerThread[_Server]):
    """Serve an index while entered.

    with FakeUpstream() as upstream:
        upstream.index.offers["a"] = [Offer("a-1.0-py3-none-any.whl", body)]
        upstream.url  # http://127.0.0.1:PORT/simple/
    """

    def __init__(self, index: Index | None = None, authority: Authority | None = None) -> None:
        self.index = index or Index()
        self._scheme = "http" if authority is None else "https"
        super().__init__(_Server(self.index, authority))

    @property
    def root(self) -> str:
        """Its address without a path."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of its simple index."""
        return f"{self.root}/simple/"

    @property
    def seen(self) -> list[Seen]:
        """Every request so far."""
        return self._server.seen

    def paths(self, prefix: str = "/") -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.path for seen in self.seen if seen.path.startswith(prefix)]

    def fail(self, pattern: str, action: Action, times: int = 1_000_000) -> None:
        """Let the paths that match fail, a number of times."""
        self.index.faults.append(Fault(pattern, action, times))


def _json_page(index: Index, project: str) -> str:
    status, reason = index.statuses.get(project, ("active", ""))
    document = {
        "meta": {"api-version": "1.4"},
        "name": project,
        "project-status": {"status": status, **({"reason": reason} if reason else {})},
        "files": [_json_file(offer, index.dialect) for offer in index.offers.get(project, [])],
    }
    return json.dumps(document)


def _json_file(offer: Offer, dialect: Dialect) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": offer.filename,
        "url": f"../../files/{offer.filename}",
        "hashes": {"sha256": offer.digest} if dialect.hashes else {},
        "yanked": False if offer.yanked is None else offer.yanked or True,
    }
    if offer.requires_python is not None:
        entry["requires-python"] = offer.requires_python
    if offer.metadata is not None:
        entry["core-metadata"] = {"sha256": hashlib.sha256(offer.metadata).hexdigest()}
    if dialect.sizes:
        entry["size"] = offer.size if offer.size is not None else len(offer.body)
    if dialect.upload_times and offer.upload_time:
        entry["upload-time"] = offer.upload_time
    return entry


def html_page(index: Index, project: str) -> str:
    """Write the page of a project in HTML."""
    status, reason = index.statuses.get(project, ("active", ""))
    meta = f'<meta name="pypi:project-status" content="{html.escape(status)}">'
    if reason:
        meta += f'<meta name="pypi:project-status-reason" content="{html.escape(reason)}">'
    links = "\n".join(_html_link(offer, index.dialect) for offer in index.offers.get(project, []))
    return f"<!DOCTYPE html><html><head>{meta}</head><body>{links}</body></html>"


def _html_link(offer: Offer, dialect: Dialect) -> str:
    fragment = f"#sha256={offer.digest}" if dialect.hashes else ""
    attributes = ""
    if offer.requires_python is not None:
        attributes += f' data-requires-python="{html.escape(offer.requires_python)}"'
    if offer.yanked is not None:
        attributes += f' data-yanked="{html.escape(offer.yanked)}"'
    return f'<a href="../../files/{offer.filename}{fragment}"{attributes}>{offer.filename}</a>'


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
