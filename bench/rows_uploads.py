"""The row about uploads: durable wheels per second from eight clients."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from bench.corpora import remove_uploads, upload_wheel
from bench.http import connection, fetch
from bench.model import Case, Row, Run, Sample, at_least
from bench.rendered import page_path
from bench.servers import PYPISERVER, PYPITOOL

CLIENTS = 8
DISK = "disk"
MOST_PER_SECOND = 200  # of one client: how many wheels are made ready
BOUNDARY = "----------------bench"


@dataclass(frozen=True, slots=True)
class Sent:
    """What one client did."""

    uploads: int
    began: float
    ended: float


def uploads(run: Run, case: Case) -> Sample | None:
    """Eight clients upload new wheels for a while; how many a second were acknowledged."""
    packages = run.fleet.packages(case.corpus, PYPITOOL if case.server == DISK else case.server)
    if case.server == DISK:
        return Sample(_rate(_write_durably(packages, run.seconds)))
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    try:
        return Sample(_rate(_from_eight_clients(server.port, run.seconds)))
    finally:
        remove_uploads(packages)
        if case.server == PYPITOOL:
            _wait_until_forgotten(server.port)


def _from_eight_clients(port: int, seconds: float) -> list[Sent]:
    run = str(int(time.time()))
    # perf_counter is the same clock in every process: all begin together, when their wheels are made.
    begin = time.perf_counter() + 2.0 + seconds / 4
    client = partial(_client, port, run, seconds, begin)
    with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as clients:
        return list(clients.map(client, range(CLIENTS)))


def _client(port: int, run: str, seconds: float, begin: float, number: int) -> Sent:
    count = max(20, round(seconds * MOST_PER_SECOND))
    forms = [upload_form(*upload_wheel(number, one, run)) for one in range(count)]
    with connection(port, timeout=120) as opened:
        time.sleep(max(0.0, begin - time.perf_counter()))
        began, done = time.perf_counter(), 0
        for form in forms:
            _send(opened, form)
            done += 1
            if time.perf_counter() - began > seconds:
                break
        return Sent(done, began, time.perf_counter())


def _send(opened: http.client.HTTPConnection, form: bytes) -> None:
    opened.request("POST", "/", form, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    answer = opened.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"an upload was answered with {answer.status}: {body[:300]!r}")


def upload_form(filename: str, wheel: bytes) -> bytes:
    """Write the form that uploads a wheel."""
    name, version = filename.split("-")[:2]
    fields = {
        ":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name,
        "version": version, "filetype": "bdist_wheel", "pyversion": "py3",
        "sha256_digest": sha256(wheel).hexdigest(),
    }  # fmt: skip
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    content = f'{head}"content"; filename="{filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    return b"".join([*parts, content.encode(), wheel, f"\r\n--{BOUNDARY}--\r\n".encode()])


def _rate(sent: Sequence[Sent]) -> float:
    began, ended = min(one.began for one in sent), max(one.ended for one in sent)
    return sum(one.uploads for one in sent) / (ended - began)


def _write_durably(packages: Path, seconds: float) -> list[Sent]:
    # What the disk itself can do: write, fsync, link, fsync of the directory, by as many threads.
    with ThreadPoolExecutor(CLIENTS) as writers:
        try:
            return list(writers.map(lambda number: _writer(packages, number, seconds), range(CLIENTS)))
        finally:
            remove_uploads(packages)


def _writer(packages: Path, number: int, seconds: float) -> Sent:
    body, directory = b"x" * 3_000, os.open(packages, os.O_RDONLY)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        temporary, final = packages / f".bench-{number}", packages / f"bench_upload-{number}.{done}"
        with temporary.open("wb", buffering=0) as file:
            file.write(body)
            os.fsync(file.fileno())
        os.link(temporary, final)
        os.fsync(directory)
        temporary.unlink()
        done += 1
    os.close(directory)
    return Sent(done, began, time.perf_counter())


def _wait_until_forgotten(port: int) -> None:
    deadline = time.perf_counter() + 60
    while fetch(port, page_path("bench-upload-0-0")).status == 200 and time.perf_counter() < deadline:
        time.sleep(0.1)


ROWS = (
    Row("uploads", "uploads of 3 KB wheels, 8 clients", "per second", ("M", "L"),
        (PYPITOOL, PYPISERVER, DISK), uploads, {"": (at_least(300),)}),
)  # fmt: skip
