"""Every process of the server is killed at once, in the middle of its work; then it starts again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import Release, build_wheel, wheel_bytes, wheel_filename

pytestmark = pytest.mark.live
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
CLIENTS = 4
SCANNED = 600


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@pytest.fixture
def server(tmp_path: Path, packages: Path) -> ServerProcess:
    return ServerProcess(packages, home=tmp_path, options=["-a", ".", "-P", ".", "--workers", "2"])


@pytest.mark.parametrize("uploads_before", [3, 17, 40])
def test_what_was_acknowledged_is_there_and_nothing_is_half_visible(
    server: ServerProcess, packages: Path, uploads_before: int
) -> None:
    acknowledged: set[str] = set()
    server.start()
    clients = [
        threading.Thread(target=upload_until_killed, args=(server.url, number, acknowledged))
        for number in range(CLIENTS)
    ]

    for client in clients:
        client.start()
    wait_until(lambda: len(acknowledged) >= uploads_before, what="some uploads are acknowledged")
    server.kill()
    for client in clients:
        client.join()

    with server:
        wait_until(lambda: not leftovers(packages), what="the keeper has tidied up")
        shown = {file["filename"]: file for number in range(CLIENTS) for file in files_of(server, number)}
        whole = {name: sha256((packages / name).read_bytes()).hexdigest() for name in shown}
    assert acknowledged <= shown.keys()
    assert {name: file["hashes"]["sha256"] for name, file in shown.items()} == whole
    assert {path.name for path in packages.glob("*.whl")} == shown.keys()


def test_a_first_scan_that_was_cut_off_is_finished_by_the_next_start(
    server: ServerProcess, packages: Path
) -> None:
    for number in range(SCANNED):
        build_wheel(packages, f"scanned-{number % 20}", f"1.{number}")

    server.start()
    server.kill()
    server.start()
    # Into the middle of the scan, or behind it: both are to be survived.
    wait_until(lambda: listed(server) > 0, what="something is listed")
    server.kill()

    with server:
        wait_until(lambda: listed(server) == SCANNED, what="every file is listed")


def upload_until_killed(url: str, client: int, acknowledged: set[str]) -> None:
    """Upload one wheel after the other, until nobody answers any more."""
    with suppress(requests.ConnectionError), requests.Session() as session:
        for number in count():
            release = Release(f"client-{client}", f"1.{number}")
            name = wheel_filename(release)
            form = {":action": "file_upload", "protocol_version": "1", "name": release.name}
            form |= {"version": release.version, "filetype": "bdist_wheel", "pyversion": "py3"}
            body = {"content": (name, wheel_bytes(release))}
            if session.post(f"{url}/", data=form, files=body, timeout=LONGEST).status_code == 200:
                acknowledged.add(name)


def files_of(server: ServerProcess, client: int) -> Iterator[dict[str, Any]]:
    """The files on the page of one client's project."""
    answer = server.get(f"/simple/client-{client}/", headers=JSON)
    yield from answer.json()["files"] if answer.ok else ()


def listed(server: ServerProcess) -> int:
    """How many files the pages of all scanned projects list."""
    answers = [server.get(f"/simple/scanned-{number}/", headers=JSON) for number in range(20)]
    return sum(len(answer.json()["files"]) for answer in answers if answer.ok)


def leftovers(packages: Path) -> list[str]:
    """What is left of uploads that were not finished."""
    return [path.name for path in packages.glob(".pypitool/incoming/*")]
