"""pip 20.3 reads HTML, knows no metadata files, and searches by XML-RPC."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import PASSWORD, USER, Clients
from tests.support.server import ServerProcess

pytestmark = pytest.mark.live
QUICK = ("--no-cache-dir", "--no-input")


@pytest.mark.parametrize("path", ["/simple/", "/"], ids=["simple", "root"])
def test_a_project_and_its_dependency_are_installed(
    clients: Clients, index: ServerProcess, tmp_path: Path, path: str
) -> None:
    pip = clients("old-pip")

    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", index.url_of(path), "acme-app")

    assert (tmp_path / "site" / "acme_lib.py").read_text() == "version = '2.0'\n"


def test_an_sdist_is_built_and_installed(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    pip = clients("old-pip")

    pip.succeed(
        "pip", "install", *QUICK, "--no-build-isolation", "-t", tmp_path / "site",
        "-i", f"{index.url}/simple/", "acme-pure",
    )  # fmt: skip

    assert (tmp_path / "site" / "acme_pure.py").exists()


@pytest.mark.parametrize("path", ["/RPC2", "/", "/simple/"])
def test_search_finds_a_project(clients: Clients, index: ServerProcess, path: str) -> None:
    pip = clients("old-pip")

    found = pip.succeed("pip", "search", "--index", index.url_of(path), "acme")

    assert "Acme.App (1.0)" in found or "acme-app (1.0)" in found
    assert "acme-lib" in found


def test_a_locked_index_wants_the_password(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    pip = clients("old-pip")
    address = locked.url_of("/simple/", user=USER, password=quote(PASSWORD, safe=""))

    pip.succeed("pip", "download", *QUICK, "-d", tmp_path / "got", "-i", address, "acme-app")
    pip.fail("pip", "download", *QUICK, "-d", tmp_path / "none", "-i", f"{locked.url}/simple/", "acme-app")

    assert len(list((tmp_path / "got").iterdir())) == 2


def test_easy_install_still_finds_its_way(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    # It went with setuptools 52.
    python = clients("old-setuptools")
    (tmp_path / "site").mkdir()

    python.succeed(
        "easy_install", "-i", f"{index.url}/simple/", "-d", tmp_path / "site", "acme-pure",
        environment={"PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip

    assert list((tmp_path / "site").glob("acme_pure-1.0-py*.egg"))
