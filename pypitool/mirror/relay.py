"""One index for uv in front of all upstreams, on loopback, for as long as it resolves.

uv asks every index for every name. Here each project is asked for where it belongs (`projects` of an
upstream) and our own nowhere, through our sessions: with their credentials, proxies and trusted hosts.
Anybody on the machine may connect, so the path begins with a secret that only uv knows, and nothing is
fetched but what a page of this run has listed.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.upstream.fetch_page import UpstreamPage, find_page
from pypitool.upstream.listing import ListedFile, joined
from pypitool.upstream.session import UpstreamSession, read_pieces
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import NoSuchProject

_JSON = "application/vnd.pypi.simple.v1+json"
_PASSED = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
_ASKED = ("Range", "If-Range", "If-None-Match")
_FILE = re.compile(r"file/(\d{1,9})/[^/]+?(\.metadata)?")
_OF_ADDRESSES = "!#$%&()*+,/:;=?@[]~"
_LONGEST_NAME = 200  # of a project, as uv asks for it

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


@dataclass(frozen=True, slots=True)
class _ListedAddress:
    """What a page of this run has listed: who serves it, and where."""

    session: UpstreamSession
    url: str
    has_metadata: bool


class Relay(ThreadingHTTPServer):
    """Answers uv from the upstreams."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sessions: Sequence[UpstreamSession], is_ours: IsOurs) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sessions = tuple(sessions)
        self.is_ours = is_ours
        self.failures: list[PypitoolError] = []
        self._secret = secrets.token_urlsafe(32)
        self._listed: list[_ListedAddress] = []
        self._listing = threading.Lock()

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
        session = next(one for one in self.sessions if one.upstream.name == page.upstream)
        files = [self._file(session, page.listing.base, entry) for entry in page.listing.entries]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()

    def inside(self, path: str) -> str | None:
        """Return what is asked for below our secret; None: whoever asks does not know it."""
        secret, _, rest = path.removeprefix("/").partition("/")
        return (
            rest if hmac.compare_digest(secret.encode("latin-1", "replace"), self._secret.encode()) else None
        )

    def origin(self, path: str) -> tuple[UpstreamSession, str] | None:
        """Return who serves what stands behind a path of ours, and its address there."""
        found = _FILE.fullmatch(path)
        listed = self._listed[int(found[1])] if found and int(found[1]) < len(self._listed) else None
        if found is None or listed is None or (found[2] and not listed.has_metadata):
            return None
        # PEP 658: "served at the file URL with .metadata appended", where there is no query or fragment.
        return listed.session, listed.url.partition("#")[0] + (found[2] or "")

    def restored(self, text: str) -> str:
        """Put the addresses of the upstreams into a text that holds ours."""
        ours = rf"{re.escape(self._root)}/file/(\d{{1,9}})/[^\s\"',}}\]]+"
        # Quoted as in a text: the address is a stranger's, and may try to end the string that it stands in.
        return re.sub(ours, lambda found: quote(self._listed[int(found[1])].url, safe=_OF_ADDRESSES), text)

    @property
    def _root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self._secret}"

    def _file(self, session: UpstreamSession, base: str, entry: ListedFile) -> dict[str, Any]:
        url = joined(base, entry.url)
        with self._listing:
            number = len(self._listed)
            self._listed.append(_ListedAddress(session, url, entry.metadata_sha256 is not None))
        file: dict[str, Any] = {
            "filename": entry.filename,
            "url": f"{self._root}/file/{number}/{quote(entry.filename)}",
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
        path = self.server.inside(self.path)
        if path is None:
            self._answer(404)
            return
        Guard.run(lambda: self._given(path), self._failed)

    def _given(self, path: str) -> None:
        found = re.fullmatch(r"simple/([^/]+)/?", path)
        if found and len(found[1]) <= _LONGEST_NAME:
            self._answer(200, self.server.page(canonicalize_name(found[1])))
        else:
            self._pass_on(path)

    def _failed(self, error: PypitoolError) -> None:
        if isinstance(error, NoSuchProject):
            self._answer(404)
            return
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

    def _pass_on(self, path: str) -> None:
        origin = self.server.origin(path)
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
