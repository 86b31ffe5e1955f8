"""The upstream of the benchmark, a process of its own: `python -m bench.sync.upstream`.

It prints its port when it is ready, and answers every request after the delay, as many at once as come.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from bench.http import HOST, JSON
from bench.sync.large import large_wheels
from bench.sync.offerings import Offered, grid, real_sized, synthetic
from bench.sync.pages import html_page, json_page, legacy_document

COUNT = "/-/count"  # tells how many requests came since it was last asked, and is not one itself
_REQUEST = re.compile(rb"(GET|HEAD) (\S+) HTTP/1\.1\r\n")
_HEADER = re.compile(rb"(?im)^(if-none-match): *([^\r\n]*)\r?$")
_OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent for a path."""

    kind: str
    body: bytes | Path
    etag: str | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.stat().st_size


@dataclass(slots=True)
class Site:
    """Everything that the upstream serves, and how often it was asked."""

    delay: float
    bodies: dict[str, Body] = field(default_factory=dict)
    asked: int = 0

    def offer(self, offered: Iterable[Offered], root: str) -> None:
        """Serve projects in every dialect: JSON with ETags, HTML without, and bandersnatch's JSON."""
        for each in offered:
            page = json_page(each.project, each.files)
            self.bodies[f"/json/simple/{each.project}/"] = Body(JSON, page, _etag(page))
            self.bodies[f"/html/simple/{each.project}/"] = Body(
                "text/html", html_page(each.project, each.files)
            )
            legacy = legacy_document(each.project, each.files, root)
            self.bodies[f"/pypi/{each.project}/json"] = Body("application/json", legacy)
            for name, body in each.bodies.items():
                self.bodies[f"/packages/{name}"] = Body(_OCTETS, body, _etag(body))

    def offer_large(self, directory: Path) -> None:
        """Serve the large wheels out of a directory."""
        for listed, path in large_wheels(directory).items():
            project = listed.filename.partition("-")[0].replace("_", "-")
            page = json_page(project, [listed])
            self.bodies[f"/json/simple/{project}/"] = Body(JSON, page, _etag(page))
            self.bodies[f"/packages/{listed.filename}"] = Body(_OCTETS, path)

    def count(self) -> Body:
        """Return how often it was asked, and begin anew."""
        asked, self.asked = self.asked, 0
        return Body("text/plain", str(asked).encode())


class Connection(asyncio.Protocol):
    """One kept-alive connection; a client that sends its next request early has to wait."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._received = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole; requests of a mirror have no body."""
        self._received += data
        head, end, self._received = self._received.partition(b"\r\n\r\n")
        if not end:
            self._received = head
            return
        found = _REQUEST.match(head)
        if found is None:
            self._transport.close()
        elif found[2].decode() == COUNT:
            self._send(self._site.count(), is_head=False)
        else:
            self._site.asked += 1
            asyncio.get_running_loop().call_later(self._site.delay, self._answer, found, head)

    def _answer(self, found: re.Match[bytes], head: bytes) -> None:
        body = self._site.bodies.get(found[2].decode())
        sent = {name.lower(): value for name, value in _HEADER.findall(head)}
        if body is None:
            self._write(b"404 Not Found", {"Content-Length": "0"})
        elif body.etag is not None and sent.get(b"if-none-match") == body.etag.encode():
            self._write(b"304 Not Modified", {"ETag": body.etag})
        else:
            self._send(body, is_head=found[1] == b"HEAD")

    def _send(self, body: Body, *, is_head: bool) -> None:
        # bandersnatch takes an answer without a serial for a stale one.
        headers = {"Content-Type": body.kind, "Content-Length": str(body.size), "X-PyPI-Last-Serial": "1"}
        self._write(b"200 OK", {**headers, **({"ETag": body.etag} if body.etag else {})})
        if is_head:
            return
        if isinstance(body.body, bytes):
            self._transport.write(body.body)
            return
        task = asyncio.get_running_loop().create_task(self._send_file(body.body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_file(self, path: Path) -> None:
        with path.open("rb") as file, suppress(ConnectionError):
            await asyncio.get_running_loop().sendfile(self._transport, file)

    def _write(self, status: bytes, headers: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._transport.write(b"HTTP/1.1 %b\r\n%b\r\n" % (status, lines.encode()))


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync.upstream")
    parser.add_argument("--delay", type=float, required=True)
    parser.add_argument("--large", type=Path)
    parser.add_argument("--offer", action="append", default=[], choices=sorted(OFFERS))
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(Site(options.delay), options.offer, options.large))


async def _serve(site: Site, offers: Iterable[str], large: Path | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(site), HOST, 0, backlog=256)
    port = server.sockets[0].getsockname()[1]
    for name in offers:
        site.offer(OFFERS[name](), f"http://{HOST}:{port}")
    if large is not None:
        site.offer_large(large)
    print(port, flush=True)
    # Whoever started it closes its standard input, also when it dies.
    await loop.run_in_executor(None, sys.stdin.read)


def _etag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:16]}"'


OFFERS: Mapping[str, Callable[[], Iterable[Offered]]] = {
    "real": real_sized,
    "synthetic": synthetic,
    "grid": grid,
}

if __name__ == "__main__":
    main()
