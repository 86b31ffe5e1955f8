"""The image, built once for all tests in a Docker of its own, upon a Debian that packages alone have made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pypitool.config.config_files import parse_toml
from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority
from tests.support.docker_engine import Container, Engine, alone_with, load_base, shared_engine
from tests.support.environment import scrubbed
from tests.support.imports import ROOT
from tests.support.waiting import wait_until

BASE, IMAGE = "python:slim-of-debian", "pypitool"
DEBIANS_PYTHON = "3.11.2"
# Nobody else says it: where it is found in the image, a secret has stayed there.
SECRET = "s3cret-of-the-build"
Start = Callable[..., Container]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test the time that the Debian and the image take, and mark them all."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1200))
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def engine(
    tmp_path_factory: pytest.TempPathFactory, machine_environment: dict[str, str], worker_id: str
) -> Iterator[Engine]:
    """A Docker, the same for all workers of pytest."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    with shared_engine(folder / "docker", machine_environment) as engine:
        yield engine


@pytest.fixture(scope="session")
def image(engine: Engine, debian: Path, authority: Authority, machine_environment: dict[str, str]) -> str:
    """The name of the image."""
    with alone_with(engine):
        if engine.try_to("image", "inspect", IMAGE).returncode:
            load_base(engine, debian, BASE)
            wheels = _wheels(engine.folder / "wheels", machine_environment)
            with _index(engine, wheels, authority) as url:
                _build(engine, url, authority)
    return IMAGE


def _wheels(folder: Path, environ: dict[str, str]) -> Path:
    """Fetch what pypitool needs, for Debian's Python, from where this machine's pip fetches."""
    project = parse_toml((ROOT / "pyproject.toml").read_text())
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    words = ["--quiet", "--only-binary=:all:", "--python-version", DEBIANS_PYTHON, "--dest", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *words, *needed], env=environ, check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@contextmanager
def _index(engine: Engine, wheels: Path, authority: Authority) -> Iterator[str]:
    """Serve wheels to the build: over TLS, and to who knows the password."""
    passwords = write_htpasswd(engine.folder / "htpasswd", {"build": SECRET})
    serve = ["-m", "pypitool", "serve", "-i", "127.0.0.1", "-p", "8443", "-P", str(passwords)]
    secured = ["-a", "update,download,list", "--cert", str(authority.chain), "--key", str(authority.key)]
    command = engine.in_its_network(sys.executable, *serve, *secured, str(wheels))
    with (engine.folder / "index.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=scrubbed(os.environ, home=engine.folder), cwd=engine.folder
        )
    try:
        ask = ("--cacert", str(authority.ca), "--user", f"build:{SECRET}")
        # The last in the alphabet: the directory has been read then.
        wait_until(
            lambda: engine.answers("https://127.0.0.1:8443/simple/watchdog/", *ask), what="the index answers"
        )
        yield f"https://build:{SECRET}@127.0.0.1:8443/simple/"
    finally:
        process.terminate()
        process.wait(60)


def _build(engine: Engine, url: str, authority: Authority) -> None:
    config = engine.folder / "pip.conf"
    config.write_text(f"[global]\nindex-url = {url}\n")
    engine.do(
        "build", "--network", "host", "--build-arg", f"BASE={BASE}", "--secret", f"id=pipconf,src={config}",
        "--secret", f"id=ca,src={authority.ca}", "--tag", IMAGE, ROOT,
    )  # fmt: skip


@pytest.fixture
def start(engine: Engine, image: str) -> Iterator[Start]:
    """Start containers of the image in the background: options of Docker, then the words of the program."""
    started: list[Container] = []

    def run(*options: str | Path, words: str = "run", image: str = image) -> Container:
        name = engine.do("run", "--detach", *options, image, *words.split())
        container = Container(engine, name)
        started.append(container)
        return container

    yield run
    for container in started:
        engine.try_to("rm", "--force", "--volumes", container.name)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """An empty package directory that belongs to an ordinary user."""
    folder = tmp_path / "packages"
    folder.mkdir()
    os.chown(folder, 1000, 1000)
    return folder
