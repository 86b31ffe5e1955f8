"""What every test relies on: no test reads or writes the home directory or this machine's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import scrubbed


@pytest.fixture(scope="session")
def machine_environment() -> dict[str, str]:
    """The environment as pytest found it: only for installing clients from the public index."""
    return dict(os.environ)


@pytest.fixture(scope="session", autouse=True)
def guarded_home(
    tmp_path_factory: pytest.TempPathFactory, machine_environment: dict[str, str]
) -> Iterator[Path]:
    """Make HOME a path that nothing can be written below; its name says what the test forgot."""
    # A regular file and not a read-only directory: root may write into those.
    home = tmp_path_factory.mktemp("guard") / "this_test_forgot_to_choose_a_directory"
    home.write_text("")
    guarded = scrubbed(machine_environment, home=home)
    with pytest.MonkeyPatch.context() as patch:
        for key in machine_environment.keys() - guarded.keys() - {"PYTEST_CURRENT_TEST"}:
            patch.delenv(key, raising=False)
        for key, value in guarded.items():
            patch.setenv(key, value)
        yield home


@pytest.fixture
def clean_environment(tmp_path: Path, machine_environment: dict[str, str]) -> dict[str, str]:
    """An environment for a subprocess, with an empty home of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return scrubbed(machine_environment, home=home)
