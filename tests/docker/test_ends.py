"""Containers that are stopped, killed, out of disk, or two on one volume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docker.conftest import Start
from tests.docker.test_whose import HARDENED, OPEN, add_wheel
from tests.support.docker_engine import Container, Engine
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

JSON = "Accept: application/vnd.pypi.simple.v1+json"


def post(container: Container, wheel: Path) -> int:
    """Upload a file, and return the status."""
    answer = container.engine.curl(
        f"{container.url}/", "--form", ":action=file_upload", "--form", f"content=@{wheel}",
        "--output", "/dev/null", "--write-out", "%{http_code}",
    )  # fmt: skip
    return int(answer.stdout)


def yanked(container: Container, project: str) -> object:
    page = container.engine.curl(f"{container.url}/simple/{project}/", "--header", JSON).stdout
    return json.loads(page)["files"][0]["yanked"]


def has_handler(status: Path, number: int) -> bool:
    """Tell by proc(5) whether a process has a handler for a signal."""
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@contextmanager
def uploading(container: Container, packages: Path, wheel: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Upload a file so slowly that it never comes to its end; it is in the middle when this is entered."""
    command = container.engine.in_its_network(
        "curl", "--silent", "--limit-rate", "20k", "--form", ":action=file_upload",
        "--form", f"content=@{wheel}", f"{container.url}/",
    )  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            incoming = packages / ".pypitool" / "incoming"
            wait_until(lambda: incoming.is_dir() and any(incoming.iterdir()), what="the upload has begun")
            yield process
        finally:
            process.kill()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    return build_wheel(folder, "large", "1.0", extra_files={"large/noise": os.urandom(6_000_000)})


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    return build_wheel(folder, "small", "1.0")


@pytest.mark.parametrize(
    "options",
    [(), HARDENED, (*HARDENED, "--init", "--cap-add", "KILL")],
    ids=["plain", "hardened", "with an init"],
)
def test_a_stop_comes_to_its_end_by_itself(
    start: Start, engine: Engine, packages: Path, options: tuple[str, ...]
) -> None:
    container = start(*options, "-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/health")

    engine.do("stop", container.name)

    assert container.state["ExitCode"] == 0


def test_a_stop_before_it_serves_is_heard(start: Start, engine: Engine, packages: Path) -> None:
    container = start("-v", f"{packages}:/data/packages", words=OPEN)
    status = Path(f"/proc/{container.pid}/status")
    # Python itself begins for some thousandths of a second, in which process 1 hears nothing.
    wait_until(lambda: has_handler(status, signal.SIGTERM), what="it has a handler")

    engine.do("kill", "--signal", "TERM", container.name)

    assert container.wait_until_ended() in (0, 143)


def test_a_stop_in_an_upload_loses_nothing_and_leaves_nothing(
    start: Start, engine: Engine, packages: Path, large: Path, small: Path
) -> None:
    container = start("-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/health")
    assert post(container, small) == 200
    container.exec("pypitool", "yank", "small", "1.0", "--reason", "broken")
    with uploading(container, packages, large):
        engine.do("stop", container.name)
    code = container.state["ExitCode"]

    engine.do("start", container.name)
    container.wait_for(f"{container.url}/simple/small/")

    assert code == 0
    assert not engine.answers(f"{container.url}/simple/large/")
    assert yanked(container, "small") == "broken"
    assert post(container, large) == 200
    assert sorted(one.name for one in packages.glob("*.whl")) == [large.name, small.name]


def test_a_kill_in_an_upload_loses_nothing(
    start: Start, engine: Engine, packages: Path, large: Path, small: Path
) -> None:
    container = start("-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/health")
    assert post(container, small) == 200
    container.exec("pypitool", "yank", "small", "1.0", "--reason", "broken")
    with uploading(container, packages, large):
        engine.do("kill", container.name)

    engine.do("start", container.name)
    container.wait_for(f"{container.url}/simple/small/")

    assert yanked(container, "small") == "broken"
    assert not engine.answers(f"{container.url}/simple/large/")
    assert post(container, large) == 200


def test_a_full_disk_is_said_and_outlived(
    start: Start, engine: Engine, tmp_path: Path, large: Path, small: Path
) -> None:
    disk = "type=tmpfs,destination=/data/packages,tmpfs-size=4m"
    container = start("--mount", disk, words=OPEN)
    container.wait_for(f"{container.url}/health")

    full = post(container, large)
    after = post(container, small)

    assert (full, after) == (507, 200)
    assert "small" in container.exec("pypitool", "list")
    assert container.exec("ls", "/data/packages") == small.name


def test_two_containers_on_one_volume_see_what_one_is_told(start: Start, packages: Path, small: Path) -> None:
    one, other = (start("-v", f"{packages}:/data/packages", words=OPEN) for _ in range(2))
    for container in (one, other):
        container.wait_for(f"{container.url}/health")

    assert post(one, small) == 200
    wait_until(lambda: other.engine.answers(f"{other.url}/simple/small/"), what="the other one lists it")
    other.exec("pypitool", "yank", "small", "1.0", "--reason", "broken")

    assert yanked(one, "small") == yanked(other, "small") == "broken"
    assert one.exec("pypitool", "verify") == other.exec("pypitool", "verify")


def test_the_configuration_is_read_again_at_sighup(
    start: Start, engine: Engine, packages: Path, tmp_path: Path
) -> None:
    add_wheel(packages)
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.toml").write_text('[server]\nserver-base-url = "/before"\n')
    container = start(
        "-v", f"{packages}:/data/packages", "-v", f"{config}:/etc/pypitool:ro", words="run --disable-fallback"
    )
    container.wait_for(f"{container.url}/before/simple/acme/")

    (config / "config.toml").write_text('[server]\nserver-base-url = "/after"\n')
    engine.do("kill", "--signal", "HUP", container.name)

    wait_until(lambda: engine.answers(f"{container.url}/after/simple/acme/"), what="the new prefix counts")
