"""Backups by hard links while clients download: what `cp -al`, rsnapshot and `chmod -R` do at night."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

PROJECTS = ("one", "two", "three")
SIZE = 14_000_000  # more than sockets hold


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    packages = tmp_path / "packages"
    for project in PROJECTS:
        build_wheel(packages, project, "1.0", extra_files={"data": os.urandom(SIZE)})
    build_wheel(packages, "small", "1.0")
    time.sleep(0.1)
    return packages


@pytest.fixture
def server(packages: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(packages, home=tmp_path, options=["-a", ".", "-P", "."]) as running:
        running.wait_until_listed(*PROJECTS, "small")
        yield running


def link_all(packages: Path) -> None:
    subprocess.run(["cp", "-al", packages, packages.with_name("backup")], check=True)


def set_all_modes(packages: Path) -> None:
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", packages], check=True)
    for file in packages.glob("*.whl"):
        file.chmod(0o600)


def path_of(project: str) -> str:
    return f"/packages/{project}-1.0-py3-none-any.whl"


@pytest.mark.parametrize("back_up", [link_all, set_all_modes])
def test_a_backup_cuts_no_download_and_nothing_is_503(
    server: ServerProcess, packages: Path, back_up: Callable[[Path], None]
) -> None:
    running = [server.get(path_of(project), stream=True) for project in PROJECTS]
    pieces = [answer.iter_content(64 * 1024) for answer in running]
    begun = [next(some) for some in pieces]

    back_up(packages)
    codes = {server.get(path_of(project)).status_code for project in (*PROJECTS, "small") for _ in range(3)}
    bodies = [b"".join((first, *rest)) for first, rest in zip(begun, pieces, strict=True)]

    assert codes == {200}
    assert [hashlib.sha256(body).hexdigest() for body in bodies] == [
        hashlib.sha256((packages / path_of(project).rpartition("/")[2]).read_bytes()).hexdigest()
        for project in PROJECTS
    ]


def test_a_download_is_sent_to_its_end_while_its_file_is_replaced_by_a_renaming(
    server: ServerProcess, packages: Path, tmp_path: Path
) -> None:
    file = packages / path_of("one").rpartition("/")[2]
    before = file.read_bytes()
    answer = server.get(path_of("one"), stream=True)
    pieces = answer.iter_content(64 * 1024)
    first = next(pieces)

    other = build_wheel(tmp_path / "other", "one", "1.0", extra_files={"data": b"mended"})
    other.replace(file)
    wait_until(lambda: server.get(path_of("one")).content == file.read_bytes(), what="the new one is served")

    assert b"".join((first, *pieces)) == before
