"""Where a container has its state, and that a directory loses nothing on its way in and out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.docker.conftest import Start
from tests.docker.test_whose import OPEN, add_wheel
from tests.support.docker_engine import Container, Engine, said
from tests.support.environment import scrubbed
from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

JSON = "application/vnd.pypi.simple.v1+json"
Ask = Callable[[str], dict[str, Any]]


def by_curl(container: Container) -> Ask:
    def ask(path: str) -> dict[str, Any]:
        answer = container.engine.curl(f"{container.url}{path}", "--header", f"Accept: {JSON}").stdout
        found: dict[str, Any] = json.loads(answer)
        return found

    return ask


def by_hand(server: ServerProcess) -> Ask:
    return lambda path: dict(server.get(path, headers={"Accept": JSON}).json())


def decided(ask: Ask) -> dict[str, Any]:
    """Return what people decided, as clients see it: a yank, a quarantine, a time."""
    (click,) = ask("/simple/click/")["files"]
    flask = ask("/simple/flask/")
    status = flask["project-status"]["status"]
    return {"yanked": click["yanked"], "time": click["upload-time"], "flask": (status, flask["files"])}


def pypitool(home: Path, packages: Path, *words: str, **environment: str) -> str:
    """Run a command on this machine, as root does."""
    ended = subprocess.run(
        [sys.executable, "-m", "pypitool", *words, "--packages", str(packages)],
        env=scrubbed(os.environ, home=home, **environment), capture_output=True, text=True, check=True,
        timeout=120,
    )  # fmt: skip
    return ended.stdout


def upload(container: Container, home: Path, wheel: Path, token: str) -> int:
    """Upload with a token to a container, and return the exit code."""
    words = ["-m", "pypitool", "upload", "--url", container.url, "--password-stdin", str(wheel)]
    command = container.engine.in_its_network(sys.executable, *words)
    ended = subprocess.run(
        command, env=scrubbed(os.environ, home=home), input=f"{token}\n", text=True, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    return ended.returncode


def test_a_directory_that_moves_loses_nothing(
    start: Start, engine: Engine, image: str, packages: Path, tmp_path: Path
) -> None:
    home, state = tmp_path / "home", tmp_path / "var"
    home.mkdir()
    state.mkdir()
    os.chown(state, 1000, 1000)
    dist = tmp_path / "dist"
    dist.mkdir()

    # By hand: uploads, and what people decide.
    with ServerProcess(packages, home=home, options=["-P", ".", "-a", "."]) as server:
        for name in ("click", "flask"):
            wheel = build_wheel(dist, name, "1.0")
            pypitool_upload = [sys.executable, "-m", "pypitool", "upload", "--url", server.url, str(wheel)]
            subprocess.run(pypitool_upload, env=scrubbed(os.environ, home=home), check=True, timeout=120)
        pypitool(home, packages, "yank", "click", "1.0", "--reason", "broken")
        pypitool(home, packages, "status", "flask", "quarantined", "--reason", "malware")
        pypitool(home, packages, "owner", "click", "--add", "ann")
        token = json.loads(
            pypitool(home, packages, "token", "create", "--name", "ci", "--may", "upload", "--json")
        )["token"]
        expected = decided(by_hand(server))
    assert expected["yanked"] == "broken"
    assert expected["flask"][0] == "quarantined"

    # Into a container, beside the files.
    container = start("-v", f"{packages}:/data/packages", words="run --disable-fallback")
    container.wait_for(f"{container.url}/simple/click/")
    assert decided(by_curl(container)) == expected
    assert "ann" in container.exec("pypitool", "owner", "click")
    assert upload(container, home, build_wheel(dist, "new", "1.0"), token) == 0
    engine.do("stop", container.name)

    # To a unit, which has its state elsewhere.
    with ServerProcess(packages, home=home, environment={"STATE_DIRECTORY": str(state)}) as server:
        server.wait_until_listed("click")
        assert decided(by_hand(server)) == expected

    # Back into a container, which cannot see that state: it says so, and serves nothing.
    ended = engine.try_to("run", "--rm", "-v", f"{packages}:/data/packages", image, "run")
    assert ended.returncode == 8
    assert f"the state of /data/packages is in {state}" in said(ended)
    assert f"-v {state}:/data/state" in said(ended)

    # With it.
    container = start(
        "-v", f"{packages}:/data/packages", "-v", f"{state}:/data/state", words="run --disable-fallback"
    )
    container.wait_for(f"{container.url}/simple/click/")
    assert decided(by_curl(container)) == expected
    assert "ann" in container.exec("pypitool", "owner", "click")
    assert upload(container, home, build_wheel(dist, "newer", "1.0"), token) == 0
    container.exec("pypitool", "yank", "new", "1.0", "--reason", "in the container")
    engine.do("stop", container.name)

    # And to the unit again.
    with ServerProcess(packages, home=home, environment={"STATE_DIRECTORY": str(state)}) as server:
        server.wait_until_listed("new")
        assert decided(by_hand(server)) == expected
        assert by_hand(server)("/simple/new/")["files"][0]["yanked"] == "in the container"


def test_one_volume_has_everything_under_rm(start: Start, engine: Engine, packages: Path) -> None:
    add_wheel(packages)
    first = start("--rm", "-v", f"{packages}:/data/packages", words=OPEN)
    first.wait_for(f"{first.url}/simple/acme/")
    first.exec("pypitool", "yank", "acme", "1.0", "--reason", "broken")
    engine.do("stop", first.name)

    second = start("--rm", "-v", f"{packages}:/data/packages", words=OPEN)
    second.wait_for(f"{second.url}/simple/acme/")

    assert by_curl(second)("/simple/acme/")["files"][0]["yanked"] == "broken"
    assert engine.do("volume", "ls", "--quiet", "--filter", "dangling=true") == ""


def test_packages_that_are_read_only_are_served_with_a_state(
    start: Start, engine: Engine, packages: Path, tmp_path: Path
) -> None:
    wheel = add_wheel(packages)
    (tmp_path / "state").mkdir()

    container = start(
        "-v", f"{packages}:/data/packages:ro", "-v", f"{tmp_path}/state:/data/state", words=OPEN
    )
    container.wait_for(f"{container.url}/simple/acme/")
    answer = engine.curl(
        f"{container.url}/", "--form", ":action=file_upload", "--form", f"content=@{wheel}",
        "--output", "/dev/null", "--write-out", "%{http_code}",
    )  # fmt: skip

    assert "/data/packages is mounted read-only: it is served without uploads" in container.log
    assert answer.stdout == "503"
    assert sorted(one.name for one in packages.iterdir()) == [wheel.name]


def test_packages_that_are_read_only_want_a_state(engine: Engine, image: str, packages: Path) -> None:
    ended = engine.try_to("run", "--rm", "-v", f"{packages}:/data/packages:ro", image, "run")

    assert ended.returncode == 8
    assert "-v DIR:/data/state" in said(ended)
