"""A tiny proxy on loopback: it forwards plain requests, opens tunnels, and notes both."""

from __future__ import annotations

import select
import socket
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.server_thread import ServerThread
from tests.support.waiting import LONGEST


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Forward a request that names the whole address."""
        self.server.seen.append(f"GET {self.path}")
        request = urllib.request.Request(self.path, headers={"Accept": self.headers["Accept"] or "*/*"})
        with self.server.opener.open(request, timeout=LONGEST) as answer:
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Pass bytes on in both directions until one side has enough."""
        self.server.seen.append(f"CONNECT {self.path}")
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), timeout=LONGEST) as far:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            _relay(self.connection, far)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read what was seen."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[str] = []
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _relay(near: socket.socket, far: socket.socket) -> None:
    other = {near: far, far: near}
    while True:
        readable, _, _ = select.select([near, far], [], [], 20)
        for side in readable:
            data = side.recv(65536)
            if not data:
                return
            other[side].sendall(data)
        if not readable:
            return


class Proxy(ServerThread[_Server]):
    """A proxy that runs while entered."""

    def __init__(self) -> None:
        super().__init__(_Server())

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def seen(self) -> list[str]:
        """What it was asked for, in order."""
        return self._server.seen
