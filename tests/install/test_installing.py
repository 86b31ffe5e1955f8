"""Each line of the README that installs is typed on the system's own Python, as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool import __version__
from tests.install.conftest import README
from tests.support.newcomer import Newcomer, chapter, console

LINES = console(chapter(README, "## Install"))
WAYS = {"pipx": ".local/bin", "uv": ".local/bin", "python3": "pypitool/bin"}

pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_make_dist_builds_one_wheel_and_the_sources(checkout: Path) -> None:
    assert sorted(path.name for path in (checkout / "dist").iterdir()) == [
        f"pypitool-{__version__}-py3-none-any.whl",
        f"pypitool-{__version__}.tar.gz",
    ]


@pytest.mark.parametrize("line", LINES[1:], ids=lambda line: line.split()[0])
def test_a_line_of_the_readme_installs_the_program(line: str, checkout: Path, newcomer: Newcomer) -> None:
    where = newcomer.home / WAYS[line.split()[0]]

    said = newcomer.types([line, f"{where}/pypitool --version"], where=checkout)

    version = newcomer.types(["/usr/bin/python3 -c 'import platform; print(platform.python_version())'"])
    assert f"pypitool {__version__} (CPython {version.strip()}, " in said


def test_the_three_ways_are_all_there() -> None:
    assert LINES[0] == "make dist"
    assert [line.split()[0] for line in LINES[1:]] == list(WAYS)
