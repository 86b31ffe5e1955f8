"""A small index on loopback that takes uploads, and can fail in every way a real one does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pypitool_server.views.upload_body import Form, read_form
from tests.support.certificates import Authority
from tests.support.server_thread import ServerThread

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reply:
    """What an upload is answered with."""

    status: int = 200
    reason: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that arrived whole."""

    path: str
    authorization: str | None
    user_agent: str
    length: int
    fields: tuple[tuple[str, str], ...]
    files: Mapping[str, bytes]  # by their names

    def values(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.fields if key == name]

    @property
    def filename(self) -> str:
        """The name of the package."""
        return next(name for name in self.files if not name.endswith(".asc"))


@dataclass(slots=True)
class State:
    """What is held, what is to happen, and what has; tests change it while it runs."""

    held: dict[str, bytes] = field(default_factory=dict)  # by filename; an upload that is taken is added
    replies: list[Reply | None] = field(default_factory=list)  # of the next uploads; None cuts the connection
    always: Reply | None = None  # of every upload for which there is none of those
    hashes: str | None = "sha256"  # that pages give
    json: bool = True
    page: Reply | None = None  # instead of every page
    credentials: tuple[str, str] | None = None  # that everything asks for
    pages_asked: list[str] = field(default_factory=list)
    files_asked: list[str] = field(default_factory=list)
    page_authorizations: list[str | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    attempts: int = 0
    on_upload: Callable[[str], None] = lambda filename: None


class Handler(BaseHTTPRequestHandler):
    """Answers from the server's state."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Take an upload."""
        state = self.server.state
        with self.server.lock:
            state.attempts += 1
            planned = state.replies.pop(0) if state.replies else state.always or Reply()
        if planned is None:
            self._cut()
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received = self._parsed(body)
        if state.credentials and received.authorization != basic(*state.credentials):
            planned = Reply(401, headers={"WWW-Authenticate": 'Basic realm="fake"'})
        state.on_upload(received.filename)
        with self.server.lock:
            state.received.append(received)
            if planned.status == 200:
                state.held.setdefault(received.filename, received.files[received.filename])
        self._send(planned)

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        state = self.server.state
        authorization = self.headers.get("Authorization")
        if state.credentials and authorization != basic(*state.credentials):
            self._send(Reply(401))
            return
        if found := re.fullmatch(r"/files/(.+)", self.path):
            state.files_asked.append(found[1])
            self._send(Reply(200, body=state.held[found[1]]))
        elif found := re.fullmatch(r"/simple/([^/]+)/", self.path):
            state.pages_asked.append(found[1])
            state.page_authorizations.append(authorization)
            self._send(state.page or self._page(found[1]))
        else:
            self._send(Reply(404))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read what was seen."""

    def _page(self, project: str) -> Reply:
        state = self.server.state
        stem = project.replace("-", "_")
        held = {name: body for name, body in state.held.items() if name.startswith(f"{stem}-")}
        if not held:
            return Reply(404)
        if state.json:
            return Reply(
                200, body=_json_page(project, held, state.hashes), headers={"Content-Type": JSON_TYPE}
            )
        return Reply(200, body=_html_page(held, state.hashes), headers={"Content-Type": "text/html"})

    def _parsed(self, body: bytes) -> Received:
        files: dict[str, bytearray] = {}

        def open_sink(field: str, filename: str, form: Form) -> Any:
            files[filename] = bytearray()
            return _Sink(files[filename])

        form = read_form(self.headers["Content-Type"], [body], open_sink)
        return Received(
            self.path,
            self.headers.get("Authorization"),
            self.headers.get("User-Agent", ""),
            len(body),
            tuple(form.fields),
            {name: bytes(content) for name, content in files.items()},
        )

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status, reply.reason)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _cut(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


class _Sink:
    def __init__(self, content: bytearray) -> None:
        self._content = content

    def write(self, data: bytes, /) -> None:
        self._content += data


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, state: State, authority: Authority | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state
        self.lock = threading.Lock()
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.chain, authority.key)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, and a fault that cut the line, are what tests ask for."""


class Receiver(ServerThread[_Server]):
    """Take uploads while entered.

    with Receiver() as index:
        index.url  # http://127.0.0.1:PORT/legacy/
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.state = State()
        self._scheme = "http" if authority is None else "https"
        super().__init__(_Server(self.state, authority))

    @property
    def root(self) -> str:
        """Its address."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def url(self) -> str:
        """Where it takes uploads."""
        return f"{self.root}legacy/"


def basic(user: str, password: str) -> str:
    """Write the header that carries credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _json_page(project: str, held: Mapping[str, bytes], algorithm: str | None) -> bytes:
    files = [
        {
            "filename": name,
            "url": f"../../files/{name}",
            "hashes": {algorithm: hashlib.new(algorithm, body).hexdigest()} if algorithm else {},
            "yanked": False,
        }
        for name, body in held.items()
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files}).encode()


def _html_page(held: Mapping[str, bytes], algorithm: str | None) -> bytes:
    links = (
        f'<a href="../../files/{name}{_fragment(algorithm, body)}">{name}</a>' for name, body in held.items()
    )
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def _fragment(algorithm: str | None, body: bytes) -> str:
    return f"#{algorithm}={hashlib.new(algorithm, body).hexdigest()}" if algorithm else ""
