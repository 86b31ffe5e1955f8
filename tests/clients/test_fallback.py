"""What is not here comes from another index, and what is private never leaves the house."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import TWO_WORKERS, Clients
from tests.support.administration import pypitool
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
OPEN = ("-a", ".", "-P", ".", *TWO_WORKERS)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Somebody else's index, where an attacker has put higher versions of our names."""
    home = tmp_path_factory.mktemp("outside")
    build_wheel(home / "packages", "public-thing", "1.0")
    build_wheel(home / "packages", "house-thing", "99.0")
    build_wheel(home / "packages", "acme-secret", "99.0")
    build_wheel(home / "packages", "left-thing", "99.0")
    with ServerProcess(home / "packages", home=home, options=OPEN) as server:
        server.wait_until_listed("public-thing", "house-thing", "acme-secret", "left-thing")
        yield server


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory, outside: ServerProcess) -> Iterator[ServerProcess]:
    """Our index, which sends clients there for what it does not hold."""
    home = tmp_path_factory.mktemp("inside")
    build_wheel(home / "packages", "house-thing", "1.0", requires=["public-thing"])
    (home / "config.toml").write_text('[policy]\nprivate = ["acme-*"]\n')
    options = [*OPEN, "--fallback-url", f"{outside.url}/simple/", "--config", str(home / "config.toml")]
    with ServerProcess(home / "packages", home=home, options=options, fallback=True) as server:
        server.wait_until_listed("house-thing")
        yield server


@pytest.mark.parametrize("client", ["pip", "old-pip"])
def test_local_files_win_and_the_rest_comes_from_the_fallback(
    clients: Clients, inside: ServerProcess, tmp_path: Path, client: str
) -> None:
    pip = clients(client)

    pip.succeed(
        "pip", "install", "--no-cache-dir", "-t", tmp_path, "-i", f"{inside.url}/simple/", "house-thing"
    )

    assert (tmp_path / "house_thing.py").read_text() == "version = '1.0'\n"
    assert (tmp_path / "public_thing.py").exists()


def test_uv_follows_the_fallback_too(uv: Client, inside: ServerProcess) -> None:
    resolve = ("pip", "compile", "--no-cache", "--default-index", f"{inside.url}/simple/", "-")

    resolved = uv.succeed("uv", *resolve, stdin="house-thing")

    assert "house-thing==1.0" in resolved
    assert "public-thing==1.0" in resolved


@pytest.mark.parametrize("spelling", ["acme-secret", "Acme.Secret", "ACME__secret"])
def test_a_private_name_is_never_looked_for_elsewhere(
    clients: Clients, inside: ServerProcess, tmp_path: Path, spelling: str
) -> None:
    pip = clients("pip")

    refused = pip.fail("pip", "download", "-d", tmp_path, "-i", f"{inside.url}/simple/", spelling)

    assert "No matching distribution found" in refused
    assert inside.get(f"/simple/{spelling}/", allow_redirects=True).status_code == 404


def test_what_was_uploaded_once_never_comes_from_a_stranger_until_its_name_is_given_up(
    clients: Clients, inside: ServerProcess, tmp_path: Path
) -> None:
    twine, pip = clients("twine"), clients("pip")
    wheel = build_wheel(tmp_path, "left-thing", "1.0")
    here = ("--packages", inside.packages[0])
    download = ("pip", "download", "--no-cache-dir", "-d", tmp_path / "got", "-i", f"{inside.url}/simple/")
    twine.succeed("twine", "upload", "--repository-url", inside.url, "-u", "", "-p", "", wheel)
    pypitool(tmp_path, "delete", "left-thing", "--yes", *here)

    refused = pip.fail(*download, "left-thing")
    pypitool(tmp_path, "delete", "left-thing", "--give-up-name", *here)
    pip.succeed(*download, "left-thing")

    assert "No matching distribution found" in refused
    assert [file.name for file in (tmp_path / "got").iterdir()] == ["left_thing-99.0-py3-none-any.whl"]
