"""poetry, pdm, hatch, flit, setuptools and pypi-uploader upload what they built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import PASSWORD, USER, Clients
from tests.support.pages import link_texts
from tests.support.projects import setup_py_project
from tests.support.server import ServerProcess
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live


def test_poetry_publishes(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    poetry = clients("poetry")
    project = project_of(tmp_path, "poetry-made")
    poetry.succeed("poetry", "config", "repositories.house", f"{locked.url}/")

    publish = ("publish", "--no-interaction", "-r", "house", "-u", USER, "-p", PASSWORD)
    poetry.succeed("poetry", *publish, cwd=project)
    again = poetry.run("poetry", *publish, cwd=project)

    assert listed(locked, "poetry-made") == {"poetry_made-1.0-py3-none-any.whl", "poetry_made-1.0.tar.gz"}
    assert again.code == 0


def test_pdm_publishes(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    pdm = clients("pdm")
    project = project_of(tmp_path, "pdm-made")

    account = ("-u", USER, "-P", PASSWORD)
    pdm.succeed("pdm", "publish", "--no-build", "-r", f"{locked.url}/", *account, cwd=project)

    assert listed(locked, "pdm-made") == {"pdm_made-1.0-py3-none-any.whl", "pdm_made-1.0.tar.gz"}


def test_hatch_publishes_twice_without_harm(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    # It looks for `+simple/`, as devpi has it, finds nothing, and uploads the same bytes again.
    hatch = clients("hatch")
    project = project_of(tmp_path, "hatch-made")
    publish = ("publish", "-n", "-r", f"{index.url}/simple/", "-u", "any", "-a", "any")

    hatch.succeed("hatch", *publish, cwd=project)
    hatch.succeed("hatch", *publish, cwd=project)

    names = link_texts(index.get("/simple/hatch-made/").text)
    assert names == ["hatch_made-1.0-py3-none-any.whl", "hatch_made-1.0.tar.gz"]


def test_hatch_publishes_with_a_password(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    hatch = clients("hatch")
    project = project_of(tmp_path, "hatch-locked")

    hatch.succeed("hatch", "publish", "-n", "-r", f"{locked.url}/", "-u", USER, "-a", PASSWORD, cwd=project)

    assert len(listed(locked, "hatch-locked")) == 2


def test_flit_builds_and_publishes(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    flit = clients("flit")
    project = project_of(tmp_path, "flit-made", back_end="flit_core")
    (project / "flit_made.py").write_text('"""Made for a test."""\n__version__ = "1.0"\n')
    environment = {"FLIT_INDEX_URL": f"{locked.url}/", "FLIT_USERNAME": USER, "FLIT_PASSWORD": PASSWORD}

    flit.succeed("flit", "publish", cwd=project, environment=environment)

    assert listed(locked, "flit-made") == {"flit_made-1.0-py3-none-any.whl", "flit_made-1.0.tar.gz"}


def test_an_old_setup_py_uploads(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    # Its blake2_256_digest has 512 bits, and its form begins with an empty line.
    python = clients("old-setuptools")
    project = setup_py_project(tmp_path, "setup-made")
    pypirc(python.home, locked)

    python.succeed("python", "setup.py", "sdist", "bdist_wheel", "upload", "-r", "house", cwd=project)

    names = listed(locked, "setup-made")
    assert len(names) == 2
    assert any(name.endswith(".tar.gz") for name in names)


def test_an_old_setup_py_registers(clients: Clients, locked: ServerProcess, tmp_path: Path) -> None:
    python = clients("old-setuptools")
    project = setup_py_project(tmp_path, "setup-registered")
    pypirc(python.home, locked)

    output = python.succeed("python", "setup.py", "register", "-r", "house", cwd=project)

    assert "Server response (200)" in output


def test_pypi_uploader_uploads(clients: Clients, index: ServerProcess, tmp_path: Path) -> None:
    uploader = clients("pypi-uploader")
    wheel = build_wheel(tmp_path, "uploader-made", "1.0")

    uploader.succeed("pypiupload", "files", wheel, "-i", f"{index.url}/", "-u", "any", "-p", "any")

    assert link_texts(index.get("/simple/uploader-made/").text) == [wheel.name]


def project_of(tmp_path: Path, name: str, *, back_end: str = "hatchling") -> Path:
    """Make a project directory whose wheel and sdist are built already."""
    project = tmp_path / "project"
    project.mkdir()
    requirement, module = {"hatchling": ("hatchling", "hatchling.build")}.get(
        back_end, ("flit_core>=3.2", "flit_core.buildapi")
    )
    (project / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["{requirement}"]\nbuild-backend = "{module}"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\ndescription = "made for a test"\n'
        'requires-python = ">=3.8"\n'
    )
    if back_end == "hatchling":
        build_wheel(project / "dist", name, "1.0")
        build_sdist(project / "dist", name, "1.0")
    return project


def pypirc(home: Path, server: ServerProcess) -> None:
    """Write the file that names the server `house`."""
    (home / ".pypirc").write_text(
        "[distutils]\nindex-servers = house\n"
        f"[house]\nrepository = {server.url}/\nusername = {USER}\npassword = {PASSWORD}\n"
    )


def listed(server: ServerProcess, project: str) -> set[str]:
    """The files on a project's page of the locked index."""
    return set(link_texts(server.get(f"/simple/{project}/", auth=(USER, PASSWORD)).text))
