"""poetry and pdm lock from our index, pypi-simple reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pypi_simple import PyPISimple

from tests.clients.conftest import PASSWORD, USER, Clients
from tests.support.server import ServerProcess

pytestmark = pytest.mark.live


def test_poetry_locks_from_our_index_alone(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    poetry = clients("poetry")
    project = project_with(
        tmp_path,
        f'[[tool.poetry.source]]\nname = "house"\nurl = "{index.url}/simple/"\npriority = "primary"\n'
        "[tool.poetry]\npackage-mode = false\n",
    )

    poetry.succeed("poetry", "lock", "--no-interaction", cwd=project)

    lock = (project / "poetry.lock").read_text()
    assert 'name = "acme-lib"\nversion = "2.0"' in lock


def test_poetry_locks_from_a_locked_index(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    poetry = clients("poetry")
    project = project_with(
        tmp_path,
        f'[[tool.poetry.source]]\nname = "house"\nurl = "{locked.url}/simple/"\npriority = "primary"\n'
        "[tool.poetry]\npackage-mode = false\n",
    )
    account = {"POETRY_HTTP_BASIC_HOUSE_USERNAME": USER, "POETRY_HTTP_BASIC_HOUSE_PASSWORD": PASSWORD}

    poetry.succeed("poetry", "lock", "--no-interaction", cwd=project, environment=account)

    assert 'name = "acme-lib"' in (project / "poetry.lock").read_text()


def test_pdm_locks_and_installs(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    pdm = clients("pdm")
    project = project_with(
        tmp_path,
        f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index.url}/simple/"\nverify_ssl = false\n'
        "[tool.pdm]\ndistribution = false\n",
    )

    pdm.succeed("pdm", "use", "-f", sys.executable, cwd=project)
    pdm.succeed("pdm", "lock", cwd=project)

    lock = (project / "pdm.lock").read_text()
    assert 'name = "acme-lib"\nversion = "2.0"' in lock


def test_pypi_simple_reads_both_forms(locked: ServerProcess) -> None:
    with PyPISimple(f"{locked.url}/simple/", auth=(USER, PASSWORD)) as client:
        names = client.get_index_page().projects
        as_json = client.get_project_page("acme.lib")
        as_html = client.get_project_page("acme.lib", accept="text/html")

    assert {"acme-app", "acme-lib", "acme-pure"} <= set(names)
    assert [package.filename for package in as_json.packages] == [
        package.filename for package in as_html.packages
    ]
    assert as_json.repository_version == as_html.repository_version == "1.4"
    assert {package.version for package in as_json.packages} == {"1.0", "2.0", "3.0", "4.0rc1"}


def test_pypi_simple_checks_what_it_downloads(locked: ServerProcess, tmp_path: Path) -> None:
    with PyPISimple(f"{locked.url}/simple/", auth=(USER, PASSWORD)) as client:
        package = client.get_project_page("acme-app").packages[0]
        client.download_package(package, tmp_path / package.filename)
        metadata = client.get_package_metadata(package)

    assert (tmp_path / package.filename).stat().st_size == package.size
    assert "Name: Acme.App" in metadata


def project_with(tmp_path: Path, more: str) -> Path:
    """Make a project that depends on the application, with more in its pyproject.toml."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "consumer"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f'dependencies = ["acme-app"]\n{more}'
    )
    return project
