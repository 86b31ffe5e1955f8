"""Files that come, change and go in a directory, as clients of a real server with two workers see them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import Release, build_wheel, sdist_bytes, wheel_bytes

pytestmark = pytest.mark.live
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
WHEEL = "acme-1.0-py3-none-any.whl"
ENOUGH_FOR_BOTH_WORKERS = range(8)
MANY = 400
ELSEWHERE = "http://index.example/simple/"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@pytest.fixture
def server(tmp_path: Path, packages: Path) -> Iterator[ServerProcess]:
    build_wheel(packages, "known", "1.0")
    with running(tmp_path, packages) as process:
        process.wait_until_listed("known")
        yield process


def running(home: Path, packages: Path) -> ServerProcess:
    """A server whose fallback nobody reaches."""
    options = ["--workers", "2", "--fallback-url", ELSEWHERE]
    return ServerProcess(packages, home=home, options=options, fallback=True)


def statuses(server: ServerProcess, path: str) -> set[int]:
    """What the workers answer."""
    return {server.get(path).status_code for _ in ENOUGH_FOR_BOTH_WORKERS}


def digests(server: ServerProcess) -> set[str]:
    """The hashes of our wheel on the pages of the workers."""
    pages = [server.get("/simple/acme/", headers=JSON) for _ in ENOUGH_FOR_BOTH_WORKERS]
    return {page.json()["files"][0]["hashes"]["sha256"] if page.status_code == 200 else "" for page in pages}


def test_a_file_that_is_copied_in_is_shown_and_served_by_every_worker(
    server: ServerProcess, packages: Path, tmp_path: Path
) -> None:
    source = build_wheel(tmp_path / "source", "acme", "1.0")

    shutil.copy(source, packages)

    wait_until(lambda: digests(server) == {digest(source)}, what="every worker shows it")
    assert statuses(server, f"/packages/{WHEEL}") == {200}
    assert server.get(f"/packages/{WHEEL}").content == source.read_bytes()


def test_bytes_that_change_behind_the_same_size_and_time_are_noticed_by_every_worker(
    server: ServerProcess, packages: Path
) -> None:
    target = packages / "acme-1.0.zip"
    first, second = (
        sdist_bytes(Release("acme", "1.0"), suffix=".zip", extra_files={"number": b"%d" % number})
        for number in (1, 2)
    )
    target.write_bytes(first)
    wait_until(lambda: digests(server) == {sha256(first).hexdigest()}, what="the first bytes are shown")
    stat = target.stat()

    with target.open("r+b") as file:
        file.write(second)
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert len(first) == len(second)
    wait_until(lambda: digests(server) == {sha256(second).hexdigest()}, what="the second ones are shown")
    assert server.get("/packages/acme-1.0.zip").content == second


def test_a_file_that_is_removed_is_gone_in_every_worker(server: ServerProcess, packages: Path) -> None:
    assert statuses(server, "/simple/known/") == {200}

    (packages / "known-1.0-py3-none-any.whl").unlink()

    wait_until(lambda: statuses(server, "/simple/known/") == {303}, what="its project is gone")
    assert statuses(server, "/packages/known-1.0-py3-none-any.whl") == {404}


def test_half_a_file_is_never_shown(server: ServerProcess, packages: Path) -> None:
    body = wheel_bytes(Release("acme", "1.0"), extra_files={"salt": os.urandom(100_000)})

    with (packages / WHEEL).open("wb", buffering=0) as file:
        file.write(body[: len(body) // 2])
        wait_until(lambda: "still being written" in server.log, what="it is noticed")
        half = statuses(server, "/simple/acme/") | statuses(server, f"/packages/{WHEEL}")
        file.write(body[len(body) // 2 :])

    assert half == {503, 404}
    wait_until(lambda: digests(server) == {sha256(body).hexdigest()}, what="the whole file is shown")


def test_a_name_that_is_not_read_yet_is_never_looked_for_elsewhere(tmp_path: Path, packages: Path) -> None:
    for number in range(MANY):
        build_wheel(packages / str(number % 10), f"early-{number}", "1.0")
    build_wheel(packages / "late", "zope-last", "1.0")
    seen: list[int] = []

    with running(tmp_path, packages) as server:
        while not seen or seen[-1] != 200:
            seen.append(server.get("/simple/zope-last/").status_code)
        wait_until(lambda: statuses(server, "/simple/not-ours/") == {303}, what="the walk is over")

    assert set(seen) <= {200, 503}


def test_while_a_lost_catalogue_is_rebuilt_nothing_is_missing_or_looked_for_elsewhere(
    server: ServerProcess, packages: Path
) -> None:
    before = server.get("/simple/known/", headers=JSON).json()
    seen = set()

    def rebuilt() -> Any:
        answer = server.get("/simple/known/", headers=JSON)
        seen.add(answer.status_code)
        return answer.json() if answer.ok and answer.json()["meta"] != before["meta"] else None

    for file in packages.glob(".pypitool/catalogue.sqlite*"):
        file.unlink()
    after = wait_until(rebuilt, what="it is known again")

    assert after == {**before, "meta": after["meta"]}
    assert seen <= {200, 503}
    assert "is lost: it is rebuilt" in server.log


def digest(path: Path) -> str:
    """The hash of a file."""
    return sha256(path.read_bytes()).hexdigest()
