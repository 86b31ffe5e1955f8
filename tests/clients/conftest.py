"""Clients in environments of their own, and two indexes with two workers each to talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.accounts import write_htpasswd
from tests.support.clients import Client
from tests.support.recipes import RECIPES, ClientUnavailable, NoInterpreter, bin_directory, cache_directory
from tests.support.server import ServerProcess
from tests.support.wheels import build_sdist, build_wheel

USER, PASSWORD = "deploy", "s3cret pass/word"
TWO_WORKERS = ("--workers", "2")
Clients = Callable[[str], Client]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test of each client the time that installing the client takes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def environments(machine_environment: dict[str, str]) -> Callable[[str], Path]:
    """Make the environment of a client that is named in `RECIPES`, or skip the test."""
    cache = cache_directory(machine_environment)

    def find(name: str) -> Path:
        try:
            return bin_directory(RECIPES[name], cache, machine_environment)
        except NoInterpreter as error:
            pytest.skip(str(error))
        except ClientUnavailable as error:
            if machine_environment.get("CI") == "true":
                raise
            pytest.skip(str(error))

    return find


@pytest.fixture
def clients(environments: Callable[[str], Path], tmp_path: Path) -> Clients:
    """Hand out clients by name; all of one test share a home directory."""
    home = tmp_path / "home"
    home.mkdir()
    return lambda name: Client(environments(name), home)


@pytest.fixture
def uv(tmp_path: Path) -> Client:
    """The uv that was installed with the project."""
    home = tmp_path / "uv-home"
    home.mkdir()
    return Client.beside_us(home)


@pytest.fixture(scope="session")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an application, its dependency in two releases, and an sdist."""
    packages = tmp_path_factory.mktemp("held")
    fill(packages)
    return packages


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, held: Path) -> Iterator[ServerProcess]:
    """An index that anybody may read and upload to."""
    options = ["-a", ".", "-P", ".", *TWO_WORKERS]
    with ServerProcess(held, home=tmp_path_factory.mktemp("index"), options=options) as server:
        server.wait_until_listed("acme-app", "acme-lib", "acme-pure")
        yield server


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """An index with the same packages that asks for a password for everything."""
    home = tmp_path_factory.mktemp("locked")
    fill(home / "packages")
    passwords = write_htpasswd(home / "htpasswd", {USER: PASSWORD, "other": "other"})
    options = ["-a", "list,download,update", "-P", str(passwords), *TWO_WORKERS]
    with ServerProcess(home / "packages", home=home, options=options) as server:
        server.wait_until_listed("acme-app", "acme-lib", "acme-pure", auth=(USER, PASSWORD))
        yield server


def fill(packages: Path) -> None:
    """Put what the tests install into a directory."""
    build_wheel(packages, "Acme.App", "1.0", requires=["acme-lib>=1", "acme-pure; extra == 'all'"])
    build_wheel(packages, "acme-lib", "1.0")
    build_wheel(packages, "acme-lib", "2.0", requires_python=">=3.6")
    build_wheel(packages, "acme-lib", "3.0", requires_python=">=4")
    build_wheel(packages, "acme-lib", "4.0rc1")
    build_sdist(packages / "sources", "acme-pure", "1.0")
