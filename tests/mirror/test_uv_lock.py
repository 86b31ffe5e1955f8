"""A lock as uv writes it, with its project beside it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pypitool.mirror.inputs import InputFaults, read_inputs
from pypitool.mirror.uv_program import uv_environment, uv_program
from tests.support.upstream import FakeUpstream, Offer
from tests.support.wheels import Release, wheel_bytes, wheel_filename

pytestmark = pytest.mark.process

PROJECT = """
[project]
name = "ours"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["alpha>=1", "winonly; sys_platform == 'win32'"]

[project.optional-dependencies]
fast = ["speedup"]

[dependency-groups]
dev = ["tester"]
docs = ["writer"]

[tool.uv]
default-groups = ["dev", "docs"]
package = true

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
PINS = ["alpha==1.1", "beta==2.0", "speedup==3.0", 'winonly==1.0; sys_platform == "win32"']


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose lock uv has made at an index that is gone by now."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    with FakeUpstream() as fake:
        for release in (
            Release("alpha", "1.1", ("beta",)), Release("beta", "2.0"), Release("speedup", "3.0"),
            Release("winonly", "1.0"), Release("tester", "1.0"), Release("writer", "1.0"),
        ):  # fmt: skip
            offer = Offer(wheel_filename(release), wheel_bytes(release), metadata=release.metadata())
            fake.index.offers.setdefault(release.name, []).append(offer)
        environ = {**uv_environment(os.environ, str(tmp_path)), "UV_DEFAULT_INDEX": fake.url}
        command = [uv_program(), "lock", "--no-config", "--no-cache", "--no-python-downloads"]
        ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    return folder


def pins(path: Path) -> list[str]:
    inputs = read_inputs(requirements=[path])
    assert all(len(line.hashes) == 1 for line in inputs.wanted)
    return sorted(str(line.requirement) for line in inputs.wanted)


def test_a_lock_of_uv_gives_its_pins_with_all_extras_and_no_groups(project: Path) -> None:
    before = sorted(path.name for path in project.iterdir())

    assert pins(project / "uv.lock") == PINS
    assert sorted(path.name for path in project.iterdir()) == before


def test_it_may_have_another_name(project: Path) -> None:
    (project / "uv.lock").rename(project / "backend.lock")

    assert pins(project / "backend.lock") == PINS


def test_the_project_belongs_to_the_input(project: Path) -> None:
    inputs = read_inputs(requirements=[project / "uv.lock"])

    assert [Path(file.path).name for file in inputs.files] == ["uv.lock", "pyproject.toml"]


def test_without_its_project_it_is_one_line_with_the_command(project: Path) -> None:
    (project / "pyproject.toml").unlink()

    with pytest.raises(InputFaults) as caught:
        read_inputs(requirements=[project / "uv.lock"])

    (line,) = str(caught.value).splitlines()
    assert "is a lock of uv without its pyproject.toml: name what `uv export --frozen" in line


def test_what_uv_says_against_its_lock_is_one_line(project: Path) -> None:
    lock = project / "uv.lock"
    lock.write_text(lock.read_text().replace("version = 1\n", "version = 9\n", 1))

    with pytest.raises(InputFaults) as caught:
        read_inputs(requirements=[lock])

    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{lock}:1: is a lock of uv, and uv does not export it: The lockfile at")
