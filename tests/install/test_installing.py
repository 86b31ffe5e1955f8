"""Each line of the README that installs is typed on the system's own Python, as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool import __version__
from tests.support.imports import ROOT
from tests.support.newcomer import Newcomer, chapter, console

LINES = console(chapter((ROOT / "README.md").read_text(), "## Install"))
WAYS = {"pipx": ".local/bin", "uv": ".local/bin", "python3": "pypitool/bin"}

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A checkout in which `make dist` was typed."""
    newcomer = Newcomer.arrive(tmp_path_factory.mktemp("builder") / "home", wheels)
    checkout = newcomer.clone()
    newcomer.types(LINES[:1], where=checkout)
    return checkout


def test_make_dist_builds_one_wheel_and_the_sources(built: Path) -> None:
    assert sorted(path.name for path in (built / "dist").iterdir()) == [
        f"pypitool-{__version__}-py3-none-any.whl",
        f"pypitool-{__version__}.tar.gz",
    ]


@pytest.mark.parametrize("line", LINES[1:], ids=lambda line: line.split()[0])
def test_a_line_of_the_readme_installs_the_program(
    line: str, built: Path, tmp_path: Path, wheels: Path
) -> None:
    newcomer = Newcomer.arrive(tmp_path / "home", wheels)
    where = newcomer.home / WAYS[line.split()[0]]

    said = newcomer.types([line, f"{where}/pypitool --version"], where=built)

    version = newcomer.types(["/usr/bin/python3 -c 'import platform; print(platform.python_version())'"])
    assert f"pypitool {__version__} (CPython {version.strip()}, " in said


def test_the_three_ways_are_all_there() -> None:
    assert LINES[0] == "make dist"
    assert [line.split()[0] for line in LINES[1:]] == list(WAYS)
