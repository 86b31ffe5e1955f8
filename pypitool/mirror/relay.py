"""One index for uv in front of all upstreams, on loopback, for as long as it resolves.

uv asks every index for every name. Here each project is asked for where it belongs (`projects` of an
upstream) and our own nowhere, through our sessions: with their credentials, proxies and trusted hosts.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urljoin

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import PypitoolError
from pypitool.upstream.fetch_page import UpstreamPage, find_page
from pypitool.upstream.listing import ListedFile
from pypitool.upstream.session import UpstreamSession, read_pieces
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import NoSuchProject

_JSON = "application/vnd.pypi.simple.v1+json"
_PASSED = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
_ASKED = ("Range", "If-Range", "If-None-Match")

IsOurs = Callable[[NormalizedName], bool]


@contextmanager
def open_relay(upstreams: Sequence[Upstream], is_ours: IsOurs) -> Iterator[Relay]:
    """Serve the upstreams as one index while entered; what `is_ours` is asked for nowhere."""
    with ExitStack() as stack:
        sessions = [UpstreamSession(upstream) for upstream in upstreams]
        for session in sessions:
            stack.callback(session.close)
        relay = Relay(sessions, is_ours)
        stack.callback(relay.server_close)
        thread = threading.Thread(target=relay.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(relay.shutdown)
        yield relay


class Relay(ThreadingHTTPServer):
    """Answers uv from the upstreams."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sessions: Sequence[UpstreamSession], is_ours: IsOurs) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sessions = tuple(sessions)
        self.is_ours = is_ours
        self.failures: list[PypitoolError] = []

    @property
    def url(self) -> str:
        """The address of the index."""
        return f"{self._root}/simple/"

    def page(self, project: NormalizedName) -> bytes:
        """Return the page of a project, from the upstream that has it."""
        if self.is_ours(project):
            raise NoSuchProject(self.url, f"nobody is asked for {project}: it is ours")
        page = find_page(project, self.sessions, {})
        assert isinstance(page, UpstreamPage)  # nothing was known of it
        number = [session.upstream.name for session in self.sessions].index(page.upstream)
        files = [self._file(number, page.listing.base, entry) for entry in page.listing.entries]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()

    def origin(self, path: str) -> tuple[UpstreamSession, str] | None:
        """Return who serves what stands behind a path of ours, and its address there."""
        found = re.fullmatch(r"/file/(\d+)/(https?)/(.+)", path)
        return (self.sessions[int(found[1])], f"{found[2]}://{found[3]}") if found else None

    def restored(self, text: str) -> str:
        """Put the addresses of the upstreams into a text that holds ours."""
        return re.sub(rf"{re.escape(self._root)}/file/\d+/(https?)/", r"\1://", text)

    @property
    def _root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def _file(self, number: int, base: str, entry: ListedFile) -> dict[str, Any]:
        url = urljoin(base, entry.url)
        file: dict[str, Any] = {
            "filename": entry.filename,
            "url": f"{self._root}/file/{number}/{url.replace('://', '/', 1)}",
            "hashes": dict(entry.hashes),
            "yanked": False if entry.yanked is None else entry.yanked or True,
            "requires-python": entry.requires_python,
            "size": entry.size,
            "upload-time": entry.upload_time,
        }
        if entry.metadata_sha256 is not None:
            file["core-metadata"] = {"sha256": entry.metadata_sha256}
        return {key: value for key, value in file.items() if value is not None}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        found = re.fullmatch(r"/simple/([^/]+)/?", self.path)
        try:
            if found:
                self._answer(200, self.server.page(canonicalize_name(found[1])))
            else:
                self._pass_on()
        except NoSuchProject:
            self._answer(404)
        except PypitoolError as error:
            # Not a 5xx: it has been tried again here, as often as is configured.
            self.server.failures.append(error)
            self._answer(400)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what fails is told by who resolves."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pass_on(self) -> None:
        origin = self.server.origin(self.path)
        if origin is None:
            self._answer(404)
            return
        session, url = origin
        asked = {name: self.headers[name] for name in _ASKED if name in self.headers}
        with session.get(url, {**asked, "Accept-Encoding": "identity"}) as response:
            self.send_response(response.status_code)
            for name in _PASSED:
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            # Whoever sends no length ends with the connection.
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                for piece in read_pieces(response):
                    self.wfile.write(piece)
        self.close_connection = True
