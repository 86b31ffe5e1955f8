"""The rows about uploads: durable wheels per second from eight clients, and what one costs."""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.corpora import remove_uploads, upload_wheel
from bench.http import connection, fetch
from bench.model import Case, Row, Run, Sample, at_least, at_most, times_devpi
from bench.processes import cpu_seconds
from bench.rendered import page_path
from bench.servers import DEVPI, DEVPI_PASSWORD, DEVPI_USER, PYPISERVER, PYPITOOL

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


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server takes uploads, and what it wants to be told with each."""

    port: int
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


def uploads(run: Run, case: Case) -> Sample | None:
    """Eight clients upload new wheels for a while; how many a second were acknowledged."""
    packages = run.fleet.packages(case.corpus, PYPITOOL if case.server == DISK else case.server)
    if case.server == DISK:
        return Sample(_rate(_write_durably(packages, run.seconds)))
    done = _uploaded(run, case, CLIENTS)
    return None if done is None else Sample(_rate(done.sent))


def one_client(run: Run, case: Case) -> Sample | None:
    """One client uploads new wheels for a while; what each cost the server's processes."""
    done = _uploaded(run, case, 1)
    if done is None:
        return None
    count = sum(one.uploads for one in done.sent)
    return Sample(done.cpu_seconds / count * 1000, f"{case.server} {_rate(done.sent):,.0f}/s")


@dataclass(frozen=True, slots=True)
class Done:
    """What some clients did, and what it cost."""

    sent: Sequence[Sent]
    cpu_seconds: float


def _uploaded(run: Run, case: Case, clients: int) -> Done | None:
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    door = _devpi_door(server.port) if case.server == DEVPI else Door(server.port)
    before = cpu_seconds(server.pid)
    try:
        sent = _from_clients(clients, door, run.seconds)
        return Done(sent, cpu_seconds(server.pid) - before)
    finally:
        if case.server != DEVPI:
            remove_uploads(run.fleet.packages(case.corpus, case.server))
        if case.server == PYPITOOL:
            _wait_until_forgotten(server.port)


def _devpi_door(port: int) -> Door:
    """Log in, and make the stage that takes uploads unless it is there."""
    token = _asked(port, "POST", "/+login", {"user": DEVPI_USER, "password": DEVPI_PASSWORD})["result"][
        "password"
    ]
    known = base64.b64encode(f"{DEVPI_USER}:{token}".encode()).decode()
    _asked(port, "PUT", f"/{DEVPI_USER}/bench", {"type": "stage", "bases": [], "volatile": True}, known)
    return Door(port, f"/{DEVPI_USER}/bench/", (("X-Devpi-Auth", known), ("Accept", "application/json")))


def _asked(port: int, method: str, path: str, document: object, known: str = "") -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    headers |= {"X-Devpi-Auth": known} if known else {}
    with connection(port) as opened:
        opened.request(method, path, json.dumps(document), headers)
        return json.loads(opened.getresponse().read())


def _from_clients(count: int, door: Door, seconds: float) -> list[Sent]:
    run = str(int(time.time()))
    # perf_counter is the same clock in every process: all begin together, when their wheels are made.
    begin = time.perf_counter() + 2.0 + seconds / 4
    client = partial(_client, door, run, seconds, begin)
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as clients:
        return list(clients.map(client, range(count)))


def _client(door: Door, run: str, seconds: float, begin: float, number: int) -> Sent:
    count = max(20, round(seconds * MOST_PER_SECOND))
    forms = [upload_form(*upload_wheel(number, one, run)) for one in range(count)]
    with connection(door.port, timeout=120) as opened:
        time.sleep(max(0.0, begin - time.perf_counter()))
        began, done = time.perf_counter(), 0
        for form in forms:
            _send(opened, door, form)
            done += 1
            if time.perf_counter() - began > seconds:
                break
        return Sent(done, began, time.perf_counter())


def _send(opened: http.client.HTTPConnection, door: Door, form: bytes) -> None:
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    opened.request("POST", door.path, form, {"Content-Type": kind, **dict(door.headers)})
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
        (PYPITOOL, PYPISERVER, DEVPI, DISK), uploads, {"": (at_least(300), times_devpi(1.5))}),
    Row("upload-cpu", "upload of a 3 KB wheel, one client", "ms of CPU", ("M",),
        (PYPITOOL, PYPISERVER, DEVPI), one_client, {"": (at_most(4),)}),
)  # fmt: skip
