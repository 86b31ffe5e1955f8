"""One index for uv in front of all upstreams, on loopback, for as long as it resolves.

Whatever uv resolves, it resolves from pages of ours: what stands on them passes every rule, and has files for
the targets. Each project is asked for where it belongs (`projects` of an upstream) and our own nowhere,
through our sessions: with their credentials, proxies and trusted hosts.
Anybody on the machine may connect, so the path begins with a secret that only uv knows, and nothing is
fetched but what a page of this run has listed.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.targets import Target
from pypitool.mirror.relay_pages import RelayPages, ReleaseSources, ShownFile, ShownTerms
from pypitool.upstream.answer_bodies import read_pieces
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import NoSuchProject

_JSON = "application/vnd.pypi.simple.v1+json"
_PASSED = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
_ASKED = ("Range", "If-Range", "If-None-Match")
_METADATA = ".metadata"
_FILE = re.compile(r"file/(\d{1,9})/[^/]+")
_LONGEST_NAME = 200  # of a project, as uv asks for it


@contextmanager
def open_relay(sources: ReleaseSources, terms: ShownTerms) -> Iterator[Relay]:
    """Serve what may be chosen as one index while entered."""
    with ExitStack() as stack:
        relay = Relay(RelayPages(sources, terms))
        stack.callback(relay.server_close)
        thread = threading.Thread(target=relay.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(relay.shutdown)
        yield relay


class Relay(ThreadingHTTPServer):
    """Answers uv from the upstreams, and from what is held."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, pages: RelayPages) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.failures: list[PypitoolError] = []
        self._secret = secrets.token_urlsafe(32)
        self._views: list[Sequence[Target]] = []

    def index(self, targets: Sequence[Target]) -> str:
        """Return the address of an index of what these targets may get."""
        self._views.append(tuple(targets))
        return f"{self._root}/{len(self._views) - 1}/simple/"

    def page(self, view: int, project: NormalizedName) -> bytes | None:
        """Return the page of a project; None where there is no such index."""
        return self.pages.page(project, self._views[view], self._root) if view < len(self._views) else None

    def inside(self, path: str) -> str | None:
        """Return what is asked for below our secret; None: whoever asks does not know it."""
        secret, _, rest = path.removeprefix("/").partition("/")
        return (
            rest if hmac.compare_digest(secret.encode("latin-1", "replace"), self._secret.encode()) else None
        )

    def listed(self, address: str) -> ShownFile | None:
        """Return the file that stands behind an address, or a path below our secret."""
        found = _FILE.fullmatch(address.removeprefix(f"{self._root}/"))
        files = self.pages.listed
        return files[int(found[1])] if found and int(found[1]) < len(files) else None

    def tidied(self, text: str) -> str:
        """Take our address out of what uv says."""
        return text.replace(self._root, "the index").replace(self.pages.impossible, "what only a build tells")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that uv gave up."""

    @property
    def _root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self._secret}"


class _HungUp(PypitoolError):
    """uv asks for more than it needs, and hangs up once it has its answer."""

    sentence = "uv hung up"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Whoever connects and says nothing holds no thread of a daemon for good.
    timeout = 60.0
    server: Relay
    _has_begun = False  # to answer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._has_begun = False
        path = self.server.inside(self.path)
        if path is None:
            self._answer(404)
            return
        Guard.turn(lambda: self._given(path), self._failed)

    def _given(self, path: str) -> None:
        found = re.fullmatch(r"(\d{1,6})/simple/([^/]+)/?", path)
        if found is None or len(found[2]) > _LONGEST_NAME:
            self._file(path)
            return
        body = self.server.page(int(found[1]), canonicalize_name(found[2]))
        self._answer(404 if body is None else 200, body or b"")

    def _failed(self, error: PypitoolError) -> None:
        if isinstance(error, NoSuchProject):
            self._answer(404)
            return
        self.close_connection = True
        if isinstance(error, _HungUp):
            return
        self.server.failures.append(error)
        if not self._has_begun:
            self._answer(400)  # not a 5xx: it has been tried again here, as often as is configured

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what fails is told by who resolves."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(body)))
        self._write(body)

    def _file(self, path: str) -> None:
        is_metadata = path.endswith(_METADATA)
        listed = self.server.listed(path.removesuffix(_METADATA))
        if listed is None or (is_metadata and not listed.has_metadata):
            self._answer(404)
            return
        body = self.server.pages.metadata(listed) if is_metadata else None
        if body is not None:
            self._answer(200, body)
        elif listed.session is None or listed.is_standin:
            self._answer(404)  # a stand-in has nothing but metadata
        else:
            # PEP 658: "served at the file URL with .metadata appended", where there is no query or fragment.
            url = listed.candidate.url.partition("#")[0]
            self._pass_on(listed.session, url + (_METADATA if is_metadata else ""))

    def _pass_on(self, session: UpstreamSession, url: str) -> None:
        asked = {name: self.headers[name] for name in _ASKED if name in self.headers}
        with session.get(url, {**asked, "Accept-Encoding": "identity"}) as response:
            self.send_response(response.status_code)
            for name in _PASSED:
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            # Whoever sends no length ends with the connection.
            self.send_header("Connection", "close")
            self._write(b"")
            if self.command != "HEAD":
                for piece in read_pieces(response, FILE_BYTES.most):
                    self._write(piece)
        self.close_connection = True

    def _write(self, piece: bytes) -> None:
        try:
            if not self._has_begun:
                self._has_begun = True
                self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(piece)
        except OSError as error:
            raise _HungUp from error
