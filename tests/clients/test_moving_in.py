"""Moving in from the real programs: what they leave is moved, served, and installed by pip."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pypitool.core.moving.pypi_server_words import ALONE, VERBOSE, WITH_VALUE, WITHOUT_EFFECT
from tests.clients.conftest import Clients
from tests.moving.data import unpacked
from tests.moving.make_data import make_devpi_export, make_mirror, make_pypiserver_directory
from tests.support.clients import Client
from tests.support.server import ServerProcess

pytestmark = pytest.mark.live
# What pypi-server does with them has nothing to do with serving.
OF_ANYBODY = {"-h", "--help", "--version"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the other program works, and where its files are moved from."""
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


@pytest.fixture
def ours(tmp_path: Path) -> Client:
    """The program, in a directory in which no configuration is yet."""
    home = tmp_path / "ours"
    home.mkdir()
    return Client.beside_us(home)


def install(ours: Client) -> str:
    """Serve by the configuration that was written, and let pip install from it; return the project's page."""
    line = f"serve --config {ours.home / 'config.toml'} -i 127.0.0.1 -p {{port}}"
    with ServerProcess(home=ours.home, line=line) as server:
        server.wait_until_listed("acme-lib", "acme-pure")
        target = ours.home / "site"
        ours.succeed(
            "python", "-m", "pip", "install", "--no-cache-dir", "-t", target,
            "-i", server.url_of("/simple/"), "acme-lib", "acme-pure==0.1",
        )  # fmt: skip
        assert (target / "acme_lib.py").read_text() == "version = '1.1'\n"
        assert (target / "acme_pure.py").exists()
        return server.get("/simple/acme-lib/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}).text


def migrate_devpi(ours: Client, export: Path) -> str:
    packages = ours.home / "packages"
    return ours.succeed("pypitool", "migrate", "devpi", export, "--index", "ann/dev", "--packages", packages)


def show(ours: Client, *words: str) -> str:
    return ours.succeed("pypitool", "show", *words, "--config", ours.home / "config.toml")


def test_an_export_of_devpi_that_is_made_now(clients: Clients, place: Path, ours: Client) -> None:
    devpi = Client(clients("devpi").bin_directory, place)

    said = migrate_devpi(ours, make_devpi_export(devpi, place))

    assert "5 moved, 0 kept, 0 failed" in said
    assert "by user:ann" in show(ours, "acme-lib", "1.0")
    assert "by user:bob" in show(ours, "acme-lib", "1.1")
    install(ours)


def test_an_export_of_devpi_that_was_kept(place: Path, ours: Client) -> None:
    migrate_devpi(ours, unpacked("devpi-export", place))

    install(ours)


def test_what_was_pushed_into_another_index_is_moved_beside(place: Path, ours: Client) -> None:
    export = unpacked("devpi-export", place)
    migrate_devpi(ours, export)

    words = ("--index", "bob/prod", "--packages", ours.home / "packages", "--write", "prod.toml")
    said = ours.succeed("pypitool", "migrate", "devpi", export, *words)

    assert "0 moved, 1 kept, 0 failed" in said


def test_a_mirror_of_bandersnatch_that_is_made_now(clients: Clients, place: Path, ours: Client) -> None:
    bandersnatch = Client(clients("bandersnatch").bin_directory, place)

    said = ours.succeed("pypitool", "migrate", "bandersnatch", make_mirror(bandersnatch, place))

    assert "5 files recorded as mirrored" in said
    page = install(ours)
    assert '"yanked":"broken"' in page.replace(": ", ":")
    assert "mirrored" in show(ours, "acme-lib", "1.0", "--json")


def test_a_mirror_of_bandersnatch_that_was_kept(place: Path, ours: Client) -> None:
    ours.succeed("pypitool", "migrate", "bandersnatch", unpacked("bandersnatch", place))

    install(ours)


def test_a_directory_that_pypiserver_fills_now(clients: Clients, place: Path, ours: Client) -> None:
    pypiserver = Client(clients("pypiserver").bin_directory, place)
    packages = make_pypiserver_directory(pypiserver, place)

    line = f"{pypiserver.bin_directory}/pypi-server run -p 8081 --disable-fallback {packages}"
    ours.succeed("pypitool", "migrate", "pypiserver", line)

    install(ours)


@pytest.mark.parametrize("program", ["directory", "pypiserver"])
def test_a_directory_that_was_kept(place: Path, ours: Client, program: str) -> None:
    ours.succeed("pypitool", "migrate", program, unpacked("pypiserver", place))

    install(ours)


def test_every_flag_of_pypi_server_is_known(clients: Clients) -> None:
    pypiserver = clients("pypiserver")

    said = pypiserver.succeed("pypi-server", "run", "--help")

    flags = set(re.findall(r"(?:^  |, )(--?[A-Za-z][a-z-]*)", said, re.MULTILINE))
    assert "--authenticate" in flags
    assert flags <= {*WITH_VALUE, *ALONE, *WITHOUT_EFFECT, *VERBOSE, *OF_ANYBODY}
