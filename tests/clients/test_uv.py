"""uv resolves, installs, locks and publishes."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import PASSWORD, USER
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live


@pytest.mark.parametrize("path", ["/simple/", "/simple", "/"], ids=["simple", "no-slash", "root"])
def test_a_project_and_its_dependency_are_installed(
    uv: Client, index: ServerProcess, tmp_path: Path, path: str
) -> None:
    uv.succeed("uv", *install(tmp_path / "site", index.url_of(path)), "Acme.App")

    assert (tmp_path / "site" / "acme_lib.py").read_text() == "version = '2.0'\n"


def test_user_and_password_in_the_address_open_a_locked_index(
    uv: Client, locked: ServerProcess, tmp_path: Path
) -> None:
    address = locked.url_of("/simple/", user=USER, password=quote(PASSWORD, safe=""))

    uv.succeed("uv", *install(tmp_path / "site", address), "acme-app")
    refused = uv.fail("uv", *install(tmp_path / "other", f"{locked.url}/simple/"), "acme-app")

    assert (tmp_path / "site" / "acme_lib.py").exists()
    assert "401" in refused


def test_a_lock_file_installs_again_without_asking_the_index_page(
    uv: Client, index: ServerProcess, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">={sys.version_info[0]}.10"\n'
        'dependencies = ["acme-app"]\n[[tool.uv.index]]\n'
        f'url = "{index.url}/simple/"\ndefault = true\n'
    )
    configured = {"UV_NO_CONFIG": "false", "UV_PYTHON": sys.executable}

    uv.succeed("uv", "lock", cwd=project, environment=configured)
    uv.succeed("uv", "sync", "--frozen", "--no-cache", cwd=project, environment=configured)

    lock = (project / "uv.lock").read_text()
    assert 'name = "acme-lib"\nversion = "2.0"' in lock
    assert "upload-time = " in lock
    assert "size = " in lock
    assert list((project / ".venv").rglob("acme_lib.py"))


def test_wheel_and_sdist_are_published(uv: Client, locked: ServerProcess, tmp_path: Path) -> None:
    files = [build_wheel(tmp_path, "uv-made", "1.0"), build_sdist(tmp_path, "uv-made", "1.0")]

    uv.succeed("uv", *publish(locked), *files)

    page = locked.get("/simple/uv-made/", auth=(USER, PASSWORD)).text
    assert all(f">{path.name}<" in page for path in files)


def test_publishing_the_same_bytes_again_succeeds_and_other_bytes_are_refused(
    uv: Client, locked: ServerProcess, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path, "uv-again", "1.0")
    uv.succeed("uv", *publish(locked), wheel)

    again = uv.run("uv", *publish(locked), wheel)
    build_wheel(tmp_path, "uv-again", "1.0", extra_files={"more.py": b""})
    refused = uv.fail("uv", *publish(locked), wheel)

    assert again.code == 0
    assert "File already exists" in refused


def test_files_that_are_there_are_skipped_with_check_url(
    uv: Client, locked: ServerProcess, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path, "uv-checked", "1.0")
    check = ("--check-url", locked.url_of("/simple/", user=USER, password=quote(PASSWORD, safe="")))
    uv.succeed("uv", *publish(locked), *check, wheel)

    second = uv.succeed("uv", *publish(locked), *check, wheel)

    assert "already exists, skipping" in second


def test_a_wrong_password_is_told_apart(uv: Client, locked: ServerProcess, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "uv-refused", "1.0")

    refused = uv.fail("uv", *publish(locked, password="wrong"), wheel)

    assert "401" in refused


def install(site: Path, address: str) -> list[str]:
    """The beginning of a command that installs into a directory."""
    python = ["--python", sys.executable, "--no-cache"]
    return ["pip", "install", *python, "--target", str(site), "--default-index", address]


def publish(server: ServerProcess, *, password: str = PASSWORD) -> list[str]:
    """The beginning of a command that uploads."""
    account = ["--username", USER, "--password", password]
    return ["publish", "--publish-url", f"{server.url}/legacy/", *account, "--trusted-publishing", "never"]
