"""Rows about large files: how much a CPU second sends, and whether slow clients hurt others."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from bench.corpora import HUGE_BYTES
from bench.http import HOST, JSON, ask, connection
from bench.model import Case, Row, Run, Sample, at_least, at_most
from bench.processes import cpu_seconds, pss_bytes
from bench.rendered import file_path, page_path
from bench.servers import NGINX, PYPISERVER, PYPITOOL

STALLED = 200
PAGES_ASKED = 300
MEGABYTE = 1_000_000


def download(run: Run, case: Case) -> Sample | None:
    """Two clients download 100 MB again and again; they throw it away inside the kernel."""
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    path = _huge_path(run, case)
    drain(server.port, path)
    before, began = cpu_seconds(server.pid), time.perf_counter()
    with ThreadPoolExecutor(2) as clients:
        deadline = began + run.seconds
        received = sum(clients.map(lambda _: _drain_until(server.port, path, deadline), range(2)))
    seconds, used = time.perf_counter() - began, cpu_seconds(server.pid) - before
    rate = received / MEGABYTE / seconds
    return Sample(received / MEGABYTE / max(used, 0.01), f"{case.server} {rate:,.0f} MB/s")


def page_while_stalled(run: Run, case: Case) -> Sample | None:
    """How much slower pages are while 200 clients have asked for 100 MB and read nothing."""
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    path = _huge_path(run, case)
    page = page_path(case.corpus.small_project)
    quiet = _slow(server.port, page)
    memory = pss_bytes(server.pid)
    with ExitStack() as stalled:
        for _ in range(STALLED):
            stalled.enter_context(_asked(server.port, path))
        time.sleep(1.0)  # the server's buffers fill; there is nothing to see from outside
        slow = _slow(server.port, page)
        grown = (pss_bytes(server.pid) - memory) / STALLED / MEGABYTE
    note = f"{case.server} {quiet * 1000:.1f} ms without them, {grown:.2f} MB for each"
    return Sample(max(0.0, slow - quiet) * 1000, note)


def drain(port: int, path: str) -> int:
    """Download a file without keeping it, and return the bytes of the whole answer."""
    with _asked(port, path) as client:
        received, never_written = 0, bytearray(1 << 20)
        # MSG_TRUNC on TCP (tcp(7)) discards without copying: the client costs next to nothing.
        while count := client.recv_into(never_written, 0, socket.MSG_TRUNC):
            received += count
    return received


def _asked(port: int, path: str) -> socket.socket:
    client = socket.create_connection((HOST, port), timeout=60)
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{port}", "Accept-Encoding: identity", "Connection: close"]
    client.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return client


def _drain_until(port: int, path: str, deadline: float) -> int:
    received = 0
    while time.perf_counter() < deadline:
        if (count := drain(port, path)) < HUGE_BYTES:
            raise RuntimeError(f"{path} ended after {count} bytes")
        received += count
    return received


def _slow(port: int, page: str) -> float:
    """The 99th percentile: the very slowest page says more about the machine than about the server."""
    seconds = []
    with connection(port) as opened:
        for _ in range(PAGES_ASKED):
            began = time.perf_counter()
            ask(opened, page, {"Accept": JSON})
            seconds.append(time.perf_counter() - began)
    return sorted(seconds)[-PAGES_ASKED // 100]


def _huge_path(run: Run, case: Case) -> str:
    if case.server == PYPISERVER:
        return f"/packages/{case.corpus.huge_wheel}"
    ours = run.fleet.get(PYPITOOL, case.corpus)
    assert ours is not None
    return file_path(ours.port, case.corpus.huge_wheel)


ROWS = (
    Row("download", "100 MB download", "MB per CPU s", ("H",), (PYPITOOL, NGINX, PYPISERVER), download,
        {"": (at_least(1_500),)}),
    Row("stalled", "page while 200 downloads stall, added", "ms", ("H",), (PYPITOOL, NGINX),
        page_while_stalled, {"": (at_most(50),)}),
)  # fmt: skip
