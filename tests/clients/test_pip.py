"""The newest pip installs and downloads as from the public index."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.conftest import PASSWORD, USER, Clients
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
QUICK = ("--no-cache-dir", "--no-input")


@pytest.mark.parametrize("path", ["/simple/", "/simple", "/", ""], ids=["simple", "no-slash", "root", "bare"])
def test_a_project_and_its_dependency_are_installed(
    clients: Clients, index: ServerProcess, tmp_path: Path, path: str
) -> None:
    pip = clients("pip")

    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", index.url_of(path), "ACME_app")

    assert (tmp_path / "site" / "acme_app.py").exists()
    # 3.0 wants another Python, 4.0rc1 is not asked for.
    assert (tmp_path / "site" / "acme_lib.py").read_text() == "version = '2.0'\n"


def test_the_configuration_file_names_index_and_trusted_host(
    clients: Clients, index: ServerProcess, tmp_path: Path
) -> None:
    pip = clients("pip")
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = {index.url}/simple/\ntrusted-host = 127.0.0.1\n")

    arguments = ("install", *QUICK, "-t", tmp_path / "site", "acme-lib")
    pip.succeed("pip", *arguments, environment={"PIP_CONFIG_FILE": str(configuration)})

    assert (tmp_path / "site" / "acme_lib.py").exists()


def test_only_metadata_is_fetched_to_resolve(clients: Clients, index: ServerProcess, held: Path) -> None:
    build_wheel(held, "resolved-only", "1.0", requires=["acme-lib"])
    index.wait_until_listed("resolved-only")
    dry_run = ("install", "--dry-run", "--quiet", "--report", "-", "--ignore-installed")

    report = clients("pip").succeed("pip", *dry_run, *QUICK, "-i", f"{index.url}/simple/", "resolved-only")

    wheel = "/resolved_only-1.0-py3-none-any.whl"
    installed = {entry["metadata"]["name"] for entry in json.loads(report)["install"]}
    assert installed == {"resolved-only", "acme-lib"}
    wait_until(lambda: f"{wheel}.metadata" in index.log, what="the access log is written")
    assert f"{wheel} " not in index.log


def test_hashes_of_a_requirements_file_are_checked(
    clients: Clients, index: ServerProcess, held: Path, tmp_path: Path
) -> None:
    pip = clients("pip")
    digest = sha256((held / "acme_lib-2.0-py3-none-any.whl").read_bytes()).hexdigest()
    (tmp_path / "right.txt").write_text(f"acme-lib==2.0 --hash=sha256:{digest}\n")
    (tmp_path / "wrong.txt").write_text(f"acme-lib==2.0 --hash=sha256:{'0' * 64}\n")
    install = ("install", *QUICK, "--require-hashes", "-i", f"{index.url}/simple/", "-t", tmp_path / "site")

    pip.succeed("pip", *install, "-r", tmp_path / "right.txt")
    refused = pip.fail("pip", *install, "-r", tmp_path / "wrong.txt")

    assert "DO NOT MATCH THE HASHES" in refused


def test_wheels_and_sdists_are_downloaded(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    pip = clients("pip")
    download = ("download", *QUICK, "--no-deps", "-i", f"{index.url}/simple/", "-d", tmp_path / "got")

    pip.succeed("pip", *download, "acme-app")
    pip.succeed("pip", *download, "--no-build-isolation", "--no-binary", ":all:", "acme-pure")

    names = sorted(path.name for path in (tmp_path / "got").iterdir())
    assert names == ["acme_app-1.0-py3-none-any.whl", "acme_pure-1.0.tar.gz"]


def test_all_versions_are_listed(clients: Clients, index: ServerProcess) -> None:
    pip = clients("pip")

    listed = pip.succeed("pip", "index", "versions", "--pre", "-i", f"{index.url}/simple/", "acme-lib")

    assert "Available versions: 4.0rc1, 2.0, 1.0" in listed


def test_what_is_not_held_is_not_found(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    pip = clients("pip")

    refused = pip.fail(
        "pip", "download", *QUICK, "-i", f"{index.url}/simple/", "-d", tmp_path, "no-such-thing"
    )

    assert "No matching distribution found for no-such-thing" in refused


@pytest.mark.parametrize("path", ["/simple/", "/"], ids=["simple", "root"])
def test_user_and_password_in_the_address_open_a_locked_index(
    clients: Clients, locked: ServerProcess, tmp_path: Path, path: str
) -> None:
    pip = clients("pip")
    address = locked.url_of(path, user=USER, password=quote(PASSWORD, safe=""))

    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", address, "acme-app")

    assert (tmp_path / "site" / "acme_lib.py").exists()


@pytest.mark.parametrize("credentials", [("", ""), (USER, "wrong"), ("nobody", PASSWORD)], ids=str)
def test_a_locked_index_refuses_everybody_else(
    clients: Clients, locked: ServerProcess, tmp_path: Path, credentials: tuple[str, str]
) -> None:
    pip = clients("pip")
    user, password = credentials
    address = locked.url_of("/simple/", user=user, password=quote(password, safe=""))

    pip.fail("pip", "download", *QUICK, "-d", tmp_path / "got", "-i", address, "acme-app")

    assert not (tmp_path / "got").exists() or not list((tmp_path / "got").iterdir())


def test_a_netrc_file_opens_a_locked_index(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    pip = clients("pip")
    netrc = pip.home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)

    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", f"{locked.url}/simple/", "acme-lib")

    assert (tmp_path / "site" / "acme_lib.py").exists()


def test_a_stale_password_does_not_break_an_open_index(
    clients: Clients, index: ServerProcess, tmp_path: Path
) -> None:
    pip = clients("pip")
    address = index.url_of("/simple/", user="gone", password="stale")

    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", address, "acme-lib")

    assert (tmp_path / "site" / "acme_lib.py").exists()


def test_a_wheel_copied_in_is_installable_at_once(
    clients: Clients, index: ServerProcess, held: Path, tmp_path: Path
) -> None:
    pip = clients("pip")

    build_wheel(held / "later", "acme-later", "1.0")
    # Starting pip takes less than the second that is promised.
    pip.succeed("pip", "install", *QUICK, "-t", tmp_path / "site", "-i", f"{index.url}/simple/", "acme-later")

    assert (tmp_path / "site" / "acme_later.py").exists()
