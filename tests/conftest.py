"""What every test relies on: no test reads or writes the home directory or this machine's settings.

And a test that starts a process says so by its mark: `make test-fast` leaves those out.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.access import hashes
from tests.support.accounts import CHEAPEST
from tests.support.certificates import Authority, make_authority
from tests.support.debian import debian_root
from tests.support.environment import scrubbed
from tests.support.missing_parts import PartMissing, without
from tests.support.recipes import cache_directory
from tests.support.wheelhouse import wheelhouse

# Programs that take as long to start as many tests do to run; openssl, git and mount do not.
SLOW_TO_START = ("pip", "python", "twine", "uv")


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


@pytest.fixture(scope="session", autouse=True)
def real_bcrypt_cost() -> Iterator[int]:
    """Hash new passwords cheaply in this process, and say what they cost outside of tests."""
    real = hashes.BCRYPT_COST
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashes, "BCRYPT_COST", CHEAPEST)
        yield real


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority, and a server's certificate that it signed; nobody changes their files."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def debian(machine_environment: dict[str, str]) -> Path:
    """The root directory of a Debian with Python and systemd; a test changes a copy of it."""
    try:
        return debian_root(cache_directory(machine_environment), machine_environment)
    except PartMissing as error:
        without(error)


@pytest.fixture(scope="session")
def wheels(machine_environment: dict[str, str]) -> Path:
    """A folder with all that an installation on the system's Python needs; nobody changes it."""
    try:
        return wheelhouse(cache_directory(machine_environment), machine_environment)
    except PartMissing as error:
        without(error)


@pytest.fixture
def clean_environment(tmp_path: Path, machine_environment: dict[str, str]) -> dict[str, str]:
    """An environment for a subprocess, with an empty home of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return scrubbed(machine_environment, home=home)


STARTED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Listen to Python's own audit, which tells of every program that is started."""
    started = config.stash[STARTED] = []

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event == "subprocess.Popen":
            started.append(os.path.basename(str(arguments[0])))

    sys.addaudithook(heard)


def pytest_collection_finish() -> None:
    """Leave thousands of tests to themselves: to walk them at every collection of garbage takes an eighth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget what earlier tests have started."""
    item.config.stash[STARTED].clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Let a test fail that starts a process which takes its time, and is not marked for that."""
    yield
    slow = [program for program in item.config.stash[STARTED] if program.startswith(SLOW_TO_START)]
    marked = slow and any(item.get_closest_marker(name) for name in ("live", "process", "public"))
    assert marked or not slow, f"a test that starts {slow[0]} is to be marked `process`"
