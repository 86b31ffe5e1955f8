"""The commands of pypiserver's README do the same here when the program's name is exchanged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Clients
from tests.support.clients import Client
from tests.support.pages import link_texts
from tests.support.projects import setup_py_project
from tests.support.server import ServerProcess
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live

PYPIRC = """\
[distutils]
index-servers =
  pypi
  local

[pypi]
username:someone
password:something

[local]
repository: http://localhost:{port}
username: some_username
password: some_passwd
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return fill(tmp_path)


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("quick-start")
    with ServerProcess(fill(home), home=home, line="run -p {port} ~/packages") as server:
        server.wait_until_listed("foo", "foo-bar")
        yield server


@pytest.fixture
def with_passwords(tmp_path: Path, packages: Path) -> Iterator[ServerProcess]:
    if shutil.which("htpasswd") is None:
        pytest.skip("htpasswd of apache2-utils is not installed")
    apache = Client(Path("/usr/bin"), tmp_path)
    apache.succeed("htpasswd", "-sci", "htpasswd.txt", "some_username", stdin="some_passwd")
    line = "run -p {port} -P htpasswd.txt ~/packages"
    with ServerProcess(packages, home=tmp_path, line=line) as server:
        server.wait_until_listed("foo", "foo-bar")
        yield server


def fill(home: Path) -> Path:
    directory = home / "packages"
    build_wheel(directory, "foo", "1.0")
    build_sdist(directory, "foo-bar", "2.0")
    return directory


@pytest.mark.parametrize("path", ["/simple/", ""])
def test_install_with_an_extra_index(
    clients: Clients, quick_start: ServerProcess, tmp_path: Path, path: str
) -> None:
    # The main index is ours as well: tests do not use the internet.
    pip = clients("pip")
    address = f"http://localhost:{quick_start.port}{path}"

    install = (
        "install",
        "--index-url",
        quick_start.url,
        "--extra-index-url",
        address,
        "-t",
        tmp_path / "site",
    )
    pip.succeed("pip", *install, "foo")

    assert (tmp_path / "site" / "foo.py").exists()


def test_search(clients: Clients, quick_start: ServerProcess) -> None:
    found = clients("old-pip").succeed(
        "pip", "search", "--index", f"http://localhost:{quick_start.port}", "foo"
    )

    assert "foo (1.0)" in found
    assert "foo-bar (2.0)" in found


def test_pip_conf_of_the_home_directory(clients: Clients, quick_start: ServerProcess, tmp_path: Path) -> None:
    pip = clients("pip")
    (pip.home / ".pip").mkdir()
    (pip.home / ".pip" / "pip.conf").write_text(
        f"[global]\nindex-url = http://localhost:{quick_start.port}/simple/\n"
        f"extra-index-url = http://localhost:{quick_start.port}/simple/\n"
    )

    pip.succeed("pip", "install", "-t", tmp_path / "site", "foo", environment={"PIP_CONFIG_FILE": ""})

    assert (tmp_path / "site" / "foo.py").exists()


def test_pydistutils_of_the_home_directory(
    clients: Clients, quick_start: ServerProcess, tmp_path: Path
) -> None:
    python = clients("old-setuptools")
    (tmp_path / "site").mkdir()
    (python.home / ".pydistutils.cfg").write_text(
        f"[easy_install]\nindex_url = http://localhost:{quick_start.port}/simple/\n"
    )

    site = {"PYTHONPATH": str(tmp_path / "site")}
    python.succeed("easy_install", "-d", tmp_path / "site", "foo-bar", environment=site)

    assert list((tmp_path / "site").glob("foo_bar-2.0-py*.egg"))


@pytest.mark.parametrize(
    "commands",
    ["sdist upload -r local", "sdist register -r local upload -r local"],
    ids=["upload", "register"],
)
def test_upload_with_setuptools(
    clients: Clients, with_passwords: ServerProcess, tmp_path: Path, commands: str
) -> None:
    python = clients("old-setuptools")
    (python.home / ".pypirc").write_text(PYPIRC.format(port=with_passwords.port))
    project = setup_py_project(tmp_path, "mine")

    python.succeed("python", "setup.py", *commands.split(), cwd=project)

    assert link_texts(with_passwords.get("/simple/mine/").text) == ["mine-1.0.tar.gz"]


def test_upload_with_twine_and_a_signature(
    clients: Clients, with_passwords: ServerProcess, tmp_path: Path
) -> None:
    twine = clients("twine")
    (twine.home / ".pypirc").write_text(PYPIRC.format(port=with_passwords.port))
    archive = build_sdist(tmp_path, "foo", "1", suffix=".zip")
    signature = archive.with_name(f"{archive.name}.asc")
    signature.write_text("-----BEGIN PGP SIGNATURE-----\n")

    twine.succeed("twine", "upload", "-r", "local", archive, signature)

    assert with_passwords.get("/packages/foo-1.zip").content == archive.read_bytes()
    assert with_passwords.get("/packages/foo-1.zip.asc").content == signature.read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        "-p {port} ~/packages",
        "-v -v run -p {port} -i 127.0.0.1 -a . -P . ~/packages",
        "run -p {port} -a 'download, list' -P ~/htpasswd --disable-fallback -o --log-file ~/log ~/packages",
        "run -p {port} --fallback-url http://localhost:1/ --cache-control 3600 --hash-algo md5 packages",
        "run -p {port} --server gunicorn --backend cached-dir --log-stream stderr --log-frmt %s packages",
        "run -H 0.0.0.0 --port {port} --server-base-url / ~/packages ~/more",
    ],
)
def test_a_unit_moves_over_by_changing_the_name_of_the_program(
    tmp_path: Path, packages: Path, line: str
) -> None:
    (tmp_path / "htpasswd").write_text("")
    (tmp_path / "more").mkdir()

    with ServerProcess(packages, home=tmp_path, line=line) as server:
        health = server.get("/health")
        code = server.stop()

    assert (health.status_code, code) == (200, 0)


def test_a_health_endpoint_of_ones_own(tmp_path: Path, packages: Path) -> None:
    line = "run -p {port} --health-endpoint /action/health ~/packages"
    with ServerProcess(packages, home=tmp_path, line=line, ready_path="/action/health") as server:
        answer = server.get("/action/health")

    assert (answer.status_code, answer.text.strip().lower()) == (200, "ok")


def test_micropython_reads_the_short_json(quick_start: ServerProcess) -> None:
    document = quick_start.get("/foo/json").json()

    assert document["info"]["version"] == "1.0"
    assert document["releases"]["1.0"][0]["url"].endswith("/packages/foo-1.0-py3-none-any.whl")
