"""The image, built once for all tests in a Docker of its own, upon a Debian that packages alone have made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority
from tests.support.docker_engine import Compose, Container, Engine, load_base, shared_engine
from tests.support.environment import scrubbed
from tests.support.imports import ROOT
from tests.support.missing_parts import without
from tests.support.recipes import RECIPES, ClientUnavailable, bin_directory, cache_directory
from tests.support.waiting import wait_until

BASE, IMAGE = "python:slim-of-debian", "pypitool"
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
def image(engine: Engine, debian: Path, wheels: Path, authority: Authority) -> str:
    """The name of the image."""
    with engine.alone("made"):
        if engine.try_to("image", "inspect", IMAGE).returncode:
            load_base(engine, debian, BASE)
            with _index(engine, wheels, authority) as url:
                _build(engine, url, authority)
    return IMAGE


@contextmanager
def _index(engine: Engine, wheels: Path, authority: Authority) -> Iterator[str]:
    """Serve wheels to the build: over TLS, and to who knows the password."""
    passwords = write_htpasswd(engine.folder / "htpasswd", {"build": SECRET})
    # A server writes beside what it serves, and the wheels are everybody's.
    served = engine.folder / "wheels"
    shutil.copytree(wheels, served, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    serve = ["-m", "pypitool", "serve", "-i", "127.0.0.1", "-p", "8443", "-P", str(passwords)]
    secured = ["-a", "update,download,list", "--cert", str(authority.chain), "--key", str(authority.key)]
    command = engine.in_its_network(sys.executable, *serve, *secured, str(served))
    with (engine.folder / "index.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=scrubbed(os.environ, home=engine.folder), cwd=engine.folder
        )
    try:
        ask = ("--cacert", str(authority.ca), "--user", f"build:{SECRET}")
        # The last in the alphabet: the directory has been read then.
        last = "https://127.0.0.1:8443/simple/watchdog/"
        wait_until(lambda: process.poll() is not None or engine.answers(last, *ask), what="the index answers")
        assert process.poll() is None, (engine.folder / "index.log").read_text()
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


@pytest.fixture(scope="session")
def plugins(engine: Engine, machine_environment: dict[str, str]) -> Path:
    """Docker's own compose, among the plug-ins of its client."""
    try:
        programs = bin_directory(
            RECIPES["compose"], cache_directory(machine_environment), machine_environment
        )
    except ClientUnavailable as error:
        without(error)
    folder = Path(engine.environment["DOCKER_CONFIG"]) / "cli-plugins"
    with engine.alone("made"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "docker-compose").unlink(missing_ok=True)
        (folder / "docker-compose").symlink_to(programs / "docker-compose")
    return folder


@pytest.fixture
def ports(engine: Engine) -> Iterator[None]:
    """Every port of the engine's network for this test: tutorials all have the same.

    It stands before `start` in the arguments of a test, so that containers are gone before others have ports.
    """
    with engine.alone("ports"):
        yield


@pytest.fixture
def compose(engine: Engine, image: str, plugins: Path, ports: None, tmp_path: Path) -> Iterator[Compose]:
    """A real compose, in a folder that waits for its compose file."""
    compose = Compose(engine, tmp_path)
    yield compose
    compose.try_to("down", "--volumes", "--timeout", "20")


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
