"""The guard of the home directory guards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import real_home, scrubbed


def test_nothing_can_be_written_below_the_home_directory() -> None:
    packages = Path("~/packages").expanduser()

    with pytest.raises(NotADirectoryError, match="this_test_forgot_to_choose_a_directory"):
        packages.mkdir(parents=True)


@pytest.mark.process
def test_a_subprocess_has_the_same_guard() -> None:
    code = "import pathlib; pathlib.Path('~/.pypitool').expanduser().mkdir()"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "this_test_forgot_to_choose_a_directory" in ended.stderr


def test_the_home_of_the_user_is_not_the_guarded_one(guarded_home: Path) -> None:
    assert real_home() != guarded_home


def test_settings_of_this_machine_are_scrubbed(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "PIP_INDEX_URL": "x", "https_proxy": "x", "PYPITOOL_PORT": "1"}

    clean = scrubbed(environ, home=tmp_path, UV_CACHE_DIR="y")

    assert {"PATH": "/bin", "HOME": str(tmp_path), "UV_CACHE_DIR": "y"}.items() <= clean.items()
    assert not {"PIP_INDEX_URL", "https_proxy", "PYPITOOL_PORT"} & clean.keys()
