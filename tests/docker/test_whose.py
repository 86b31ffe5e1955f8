"""Whose files a container makes, as whom its commands work, and what it says where it may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docker.conftest import Start
from tests.support.docker_engine import Engine, said
from tests.support.wheels import build_wheel

OPEN = "run -P . -a . --disable-fallback"
HARDENED = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID",
    "--cap-add", "CHOWN", "--security-opt", "no-new-privileges",
)  # fmt: skip


def owners(folder: Path) -> set[tuple[int, int]]:
    """Return whose everything below a folder is."""
    found = [folder, *folder.rglob("*")]
    return {(one.lstat().st_uid, one.lstat().st_gid) for one in found}


def add_wheel(folder: Path, name: str = "acme", *, uid: int = 1000) -> Path:
    wheel = build_wheel(folder, name, "1.0")
    os.chown(wheel, uid, uid)
    return wheel


@pytest.mark.parametrize("options", [(), HARDENED, ("--init",)], ids=["plain", "hardened", "with an init"])
def test_the_server_is_the_owner_of_the_packages(
    start: Start, packages: Path, options: tuple[str, ...]
) -> None:
    add_wheel(packages)

    container = start(*options, "-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/simple/acme/")
    container.exec("pypitool", "yank", "acme", "1.0", "--reason", "broken")
    container.exec("pypitool", "token", "create", "--name", "ci", "--may", "upload")
    health = container.exec("/opt/pypitool/bin/python", "-I", "-m", "pypitool.container.health")

    assert owners(packages) == {(1000, 1000)}
    assert "broken" in container.exec("pypitool", "show", "acme", "1.0")
    assert health == "http://127.0.0.1:8080/health answers"


def test_packages_of_root_are_given_to_nobody_in_particular_and_what_is_in_them_is_not(
    start: Start, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    wheel = add_wheel(packages, uid=0)

    container = start("-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/simple/acme/")

    assert container.user() == (10001, 10001)
    assert packages.stat().st_uid == 10001
    assert wheel.stat().st_uid == 0


@pytest.mark.parametrize("options", [(), ("--read-only", "--cap-drop", "ALL")], ids=["plain", "hardened"])
def test_under_the_operators_uid_it_is_that_one(
    start: Start, packages: Path, options: tuple[str, ...]
) -> None:
    add_wheel(packages)

    container = start(*options, "--user", "1000:1000", "-v", f"{packages}:/data/packages", words=OPEN)
    container.wait_for(f"{container.url}/simple/acme/")
    container.exec("pypitool", "yank", "acme", "1.0", "--reason", "broken")

    assert container.user() == (1000, 1000)
    assert owners(packages) == {(1000, 1000)}


def test_an_empty_volume_can_be_written(start: Start, engine: Engine) -> None:
    volume = engine.do("volume", "create")

    container = start(
        *HARDENED, "-v", f"{volume}:/data/packages", "-v", f"{volume}-state:/data/state", words=OPEN
    )
    container.wait_for(f"{container.url}/health")
    container.exec(
        "pypitool", "user", "add", "ann", "-P", "/data/state/htpasswd", "--password-stdin", stdin="s3cret\n"
    )

    assert container.user() == (10001, 10001)
    assert container.exec("stat", "-c", "%u", "/data/packages", "/data/state/htpasswd") == "10001\n10001"
    engine.try_to("rm", "--force", container.name)
    engine.do("volume", "rm", volume, f"{volume}-state")


def test_a_whole_data_directory_as_one_volume(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 1000, 1000)

    container = start("-v", f"{data}:/data", words=OPEN)
    container.wait_for(f"{container.url}/health")

    assert container.user() == (1000, 1000)
    assert owners(data) == {(1000, 1000)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ("--cap-drop", "ALL"),
            ("cannot become user 10001:10001, who is to write into /data/packages", "--user 10001:10001"),
        ),
        (
            ("--cap-drop", "CHOWN"),
            ("cannot give /data/packages to user 10001:10001", "chown 10001:10001"),
        ),
        (
            ("--user", "1234"),
            ("cannot use /data/packages for uploads: 1234 cannot write there", "chown -R 1234 "),
        ),
    ],
    ids=["it may not become anybody", "it may give nothing", "it is somebody who may not write"],
)  # fmt: skip
def test_what_cannot_be_is_said_with_the_path_and_the_number(
    engine: Engine, image: str, tmp_path: Path, options: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    if "CHOWN" not in options and "ALL" in options:
        os.chown(packages, 10001, 10001)

    ended = engine.try_to("run", "--rm", *options, "-v", f"{packages}:/data/packages", image, *OPEN.split())

    assert ended.returncode == 8
    assert all(part in said(ended) for part in expected), said(ended)


def test_a_state_of_roots_is_said_with_what_opens_it(engine: Engine, image: str, tmp_path: Path) -> None:
    state = tmp_path / "packages" / ".pypitool"
    state.mkdir(parents=True, mode=0o750)
    (state / "facts.jsonl").write_text("")

    ended = engine.try_to("run", "--rm", "-v", f"{tmp_path}/packages:/data/packages", image, "run")

    assert ended.returncode == 8
    assert "/data/packages/.pypitool" in ended.stderr
    assert "chown -R 10001:10001" in ended.stderr


def test_a_port_that_is_none_is_said_with_its_variable(engine: Engine, image: str) -> None:
    ended = engine.try_to("run", "--rm", "-e", "PYPISERVER_PORT=http", image, "run")

    assert ended.returncode == 8
    assert "PYPISERVER_PORT: expected a port from 1 to 65535, got `http`" in ended.stderr
