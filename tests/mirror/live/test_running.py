"""What happens while a run is under way: clients install, runs are killed, others begin, servers serve."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mirror.live.mirror import Mirror, ended, kill
from tests.support.server import ServerProcess
from tests.support.upstream import FakeUpstream, Offer, stall
from tests.support.waiting import wait_until
from tests.support.wheels import Release, build_wheel, wheel_bytes, wheel_filename

pytestmark = pytest.mark.live
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
TARGET = {"linux": ("3.12", "manylinux_2_39_x86_64")}
MANY = 60
PINS = "".join(f"many-{number}==1.0\n" for number in range(MANY))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Our own server with wheels that take a moment."""
    home = tmp_path_factory.mktemp("origin")
    for number in range(MANY):
        padding = random.Random(number).randbytes(300_000)
        build_wheel(home / "packages", f"many-{number}", "1.0", extra_files={"padding": padding})
    with ServerProcess(home / "packages", home=home) as server:
        yield server


def slow(home: Path, origin: ServerProcess) -> Mirror:
    """A mirror that fetches one file after another."""
    return Mirror(home, f"{origin.url}/simple/", TARGET, PINS, "workers = 1")


def test_a_client_sees_whole_files_only(origin: ServerProcess, tmp_path: Path) -> None:
    mirror = slow(tmp_path, origin)
    mirror.packages.mkdir()
    with ServerProcess(mirror.packages, home=tmp_path, options=["--workers", "2"]) as server:
        seen = Visitor(server)
        run = mirror.start("sync")
        seen.watch(run)
        assert ended(run).code == 0
        # What the mirror published is there for both workers at once, without waiting for a walk.
        seen.look()

    assert not seen.faults
    assert len(seen.whole) == MANY
    assert len(seen.sizes) > 2, "it was not looked at while files arrived"


class Visitor:
    """Fetches every file that a server lists, and looks whether it is whole."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.whole: set[str] = set()
        self.faults: list[str] = []
        self.sizes: set[int] = set()

    def watch(self, run: subprocess.Popen[str]) -> None:
        """Look again and again until a run has ended."""
        while run.poll() is None:
            self.look()

    def look(self) -> None:
        """Look once, on connections of their own: any worker may answer."""
        listed = self._server.get("/simple/", headers=JSON).json()["projects"]
        self.sizes.add(len(listed))
        for name in (project["name"] for project in listed):
            if name not in self.whole:
                self._fetch(name)

    def _fetch(self, name: str) -> None:
        for file in self._server.get(f"/simple/{name}/", headers=JSON).json()["files"]:
            path = file["url"].removeprefix(self._server.url)
            body = self._server.get(path if path.startswith("/") else f"/packages/{file['filename']}").content
            if hashlib.sha256(body).hexdigest() != file["hashes"]["sha256"]:
                self.faults.append(f"{file['filename']}: {len(body)} bytes")
            elif zipfile.ZipFile(io.BytesIO(body)).testzip() is None:
                self.whole.add(name)


def test_a_killed_run_is_continued(origin: ServerProcess, tmp_path: Path) -> None:
    mirror = slow(tmp_path, origin)
    run = mirror.start("sync")
    wait_until(lambda: len(mirror.files()) >= 10, what="some files have arrived")

    kill(run)
    arrived = mirror.files()
    next_one = mirror.run("sync", "--json")

    assert 10 <= len(arrived) < MANY, "it was killed in the middle"
    assert next_one.code == 0
    assert next_one.names("kept") >= arrived
    assert len(next_one.names("kept") | next_one.names("fetched")) == MANY
    assert not list((mirror.packages / ".pypitool" / "incoming").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_run_says_so_and_is_continued(
    origin: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    mirror = slow(tmp_path, origin)
    run = mirror.start("sync", "--json")
    wait_until(lambda: len(mirror.files()) >= 10, what="some files have arrived")

    run.send_signal(number)
    first = ended(run)
    second = mirror.run("sync", "--json")

    summary = first.lines()[-1]
    assert (first.code, summary["outcome"], summary["exit_code"]) == (130, "interrupted", 130)
    assert 10 <= summary["fetched"] < MANY
    assert (second.code, second.lines()[-1]["kept"]) == (0, summary["fetched"])
    assert second.lines()[-1]["fetched"] == MANY - summary["fetched"]


@pytest.fixture
def stalled() -> Iterator[FakeUpstream]:
    """An index with one large wheel that stops in its middle, once."""
    release = Release("large", "1.0")
    body = wheel_bytes(release, extra_files={"padding": os.urandom(3_000_000)})
    with FakeUpstream() as fake:
        fake.index.offers["large"] = [Offer(wheel_filename(release), body)]
        fake.fail("/files/", stall(2_500_000, 60), times=1)
        yield fake


def test_a_second_run_is_told_who_works_there(stalled: FakeUpstream, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, stalled.url, TARGET, "large==1.0\n")
    first = mirror.start("sync")
    wait_until(lambda: stalled.paths("/files/"), what="the first one fetches")

    second = mirror.run("sync")
    readers = [mirror.run("check").code, mirror.run("sync", "--dry-run").code]

    assert second.code == 6
    assert f"`pypitool sync` (process {first.pid}, since 2" in second.err
    assert readers == [1, 0]
    kill(first)
    assert mirror.run("sync").code == 0


def test_what_a_killed_run_had_of_a_file_is_not_fetched_again(stalled: FakeUpstream, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, stalled.url, TARGET, "large==1.0\n")
    run = mirror.start("sync")
    partial = mirror.packages / ".pypitool" / "partial" / stalled.index.offers["large"][0].digest
    wait_until(lambda: partial.exists() and partial.stat().st_size > 1_400_000, what="half of it is here")

    kill(run)
    next_one = mirror.run("sync")

    assert next_one.code == 0
    begins = int(stalled.seen[-1].headers["Range"].removeprefix("bytes=").rstrip("-"))
    assert begins > 1_400_000
    assert not partial.exists()


def test_server_and_mirror_write_one_catalogue_at_once(origin: ServerProcess, tmp_path: Path) -> None:
    mirror = slow(tmp_path, origin)
    mirror.packages.mkdir()
    options = ["-a", ".", "-P", ".", "--workers", "2"]
    with ServerProcess(mirror.packages, home=tmp_path, options=options) as server:
        run = mirror.start("sync")
        statuses = [upload(server, number) for number in range(20)]
        ran = ended(run)
        listed = {one["name"] for one in server.get("/simple/", headers=JSON).json()["projects"]}

    assert ran.code == 0
    assert set(statuses) == {200}
    assert {f"many-{number}" for number in range(MANY)} <= listed
    assert {f"ours-{number}" for number in range(20)} <= listed


def upload(server: ServerProcess, number: int) -> int:
    release = Release(f"ours-{number}", "1.0")
    files = {"content": (wheel_filename(release), wheel_bytes(release))}
    return server.post("/", data={":action": "file_upload"}, files=files).status_code


def test_several_commands_wait_for_nobody(origin: ServerProcess, tmp_path: Path) -> None:
    mirror = slow(tmp_path, origin)
    run = mirror.start("sync")
    wait_until(lambda: len(mirror.files()) >= 3, what="some files have arrived")
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(mirror.run("runs").code)) for _ in range(3)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [0, 0, 0]
    assert ended(run).code == 0
