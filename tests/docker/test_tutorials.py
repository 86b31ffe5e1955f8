"""What the tutorials tell people to type, word for word but for the program's name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.docker.conftest import Start
from tests.support.accounts import write_htpasswd
from tests.support.docker_engine import Compose, Engine
from tests.support.environment import scrubbed
from tests.support.wheels import build_wheel

USER, PASSWORD = "ann", "s3cret"


class Client:
    """Somebody with twine and pip, on the machine that runs Docker."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine, self._home = engine, home

    def run(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment of the tests, in the network of the engine."""
        environment: Mapping[str, str] = scrubbed(os.environ, home=self._home, **more)
        command = self._engine.in_its_network(sys.executable, "-m", *words)
        return subprocess.run(
            command, env=environment, cwd=self._home, capture_output=True, text=True, check=False, timeout=300
        )

    def upload(self, url: str, wheel: Path, user: str = "", password: str = "") -> None:
        """Upload with twine."""
        words = ("--non-interactive", "--disable-progress-bar", "-u", user, "-p", password)
        ended = self.run("twine", "upload", *words, "--repository-url", url, wheel)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def install(self, project: str, *options: str, target: str = "target", **more: str) -> Path:
        """Install with pip, and return where."""
        folder = self._home / target
        ended = self.run("pip", "install", "--no-deps", "--target", folder, *options, project, **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return folder


@pytest.fixture
def client(engine: Engine, tmp_path: Path) -> Client:
    return Client(engine, tmp_path)


def wheel_of(tmp_path: Path, name: str = "acme") -> Path:
    folder = tmp_path / "dist"
    folder.mkdir(exist_ok=True)
    return build_wheel(folder, name, "1.0")


@pytest.mark.parametrize(
    "line",
    [
        "-p 8080:8080 -v {packages}:/data/packages IMAGE run -a . -P . /data/packages",
        "-p 8080:8080 -v {packages}:/data/packages IMAGE -P . -a . --fallback-url http://127.0.0.1:9/simple/",
        "-p 80:8080 -v {packages}:/data/packages IMAGE run -P . -a . packages",
        "-p 8080:9000 -e PYPISERVER_PORT=9000 -v {packages}:/data/packages IMAGE run -P . -a .",
        "-p 8080:9000 -e PORT=9000 -v {packages}:/data/packages IMAGE run -P . -a . --server wsgiref",
        "-p 8080:80 -v {packages}:/data/packages IMAGE -p 80 -P . -a . packages",
    ],
)
def test_an_open_server_takes_a_file_and_gives_it(
    ports: None, start: Start, client: Client, packages: Path, tmp_path: Path, line: str
) -> None:
    options, _, words = line.format(packages=packages).partition(" IMAGE ")
    url = f"http://localhost:{options.split()[1].partition(':')[0]}"
    container = start("--rm", *options.split(), words=words)
    container.wait_for(f"{url}/health")

    client.upload(url, wheel_of(tmp_path))
    there = client.install("acme", "--index-url", f"{url}/simple/", "--trusted-host", "localhost")

    assert (there / "acme-1.0.dist-info").is_dir()
    assert (packages / "acme-1.0-py3-none-any.whl").stat().st_uid == 1000


def test_a_password_file_beside_the_packages(
    ports: None, start: Start, client: Client, packages: Path, tmp_path: Path
) -> None:
    passwords = write_htpasswd(tmp_path / ".htpasswd", {USER: PASSWORD})
    container = start(
        "-p", "80:8080", "-v", f"{packages}:/data/packages", "-v", f"{passwords}:/data/.htpasswd",
        words="run -P .htpasswd packages",
    )  # fmt: skip
    container.wait_for("http://localhost/health")

    refused = client.run(
        "twine", "upload", "--non-interactive", "-u", USER, "-p", "wrong", "--repository-url",
        "http://localhost", wheel_of(tmp_path),
    )  # fmt: skip
    client.upload("http://localhost", wheel_of(tmp_path), USER, PASSWORD)
    there = client.install("acme", "--extra-index-url", "http://localhost", "--index-url", "http://localhost")

    assert "401" in refused.stdout + refused.stderr
    assert (there / "acme-1.0.dist-info").is_dir()


def test_without_anything_it_serves_and_takes_nothing(
    ports: None, start: Start, engine: Engine, client: Client, tmp_path: Path
) -> None:
    container = start("-p", "8080:8080", words="run")
    container.wait_for("http://localhost:8080/health")

    ended = client.run(
        "twine", "upload", "--non-interactive", "-u", "a", "-p", "b", "--repository-url",
        "http://localhost:8080", wheel_of(tmp_path),
    )  # fmt: skip

    assert ended.returncode != 0
    assert engine.answers("http://localhost:8080/simple/")
    assert container.user() == (10001, 10001)


COMPOSED = """
services:
  pypi:
    image: pypitool
    restart: always
    ports:
      - "8080:8080"
    volumes:
      - {folder}/packages:/data/packages
      - {folder}/auth:/data/auth
    command: {command}
"""


@pytest.mark.parametrize(
    "command",
    [
        "run -P /data/auth/.htpasswd -a update,download,list /data/packages",
        "run -P /data/auth/.htpasswd -a update,download,list --server wsgiref /data/packages",
    ],
)
def test_a_compose_file_with_passwords_for_everything(
    image: str, compose: Compose, client: Client, packages: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "auth").mkdir()
    write_htpasswd(tmp_path / "auth" / ".htpasswd", {USER: PASSWORD})
    (tmp_path / "compose.yaml").write_text(COMPOSED.format(folder=tmp_path, command=command))
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = http://{USER}:{PASSWORD}@localhost:8080/simple/\ntrusted-host = localhost\n"
    )

    compose.do("up", "-d", "--wait")
    client.upload("http://localhost:8080", wheel_of(tmp_path), USER, PASSWORD)
    client.install("acme", "--index-url", f"http://{USER}:{PASSWORD}@localhost:8080/simple/")
    there = client.install("acme", target="second", PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    bare = client.run("pip", "download", "--no-deps", "--index-url", "http://localhost:8080/simple/", "acme")

    assert (there / "acme-1.0.dist-info").is_dir()
    assert bare.returncode != 0


UNIT = """
[Unit]
Description=pypi
Requires=docker.service
After=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
WorkingDirectory={folder}
ExecStart=/usr/bin/docker compose up -d --wait
ExecStop=/usr/bin/docker compose down
TimeoutStartSec=0

[Install]
WantedBy=multi-user.target
"""


def test_a_unit_of_systemd_around_compose(
    compose: Compose, engine: Engine, packages: Path, tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text(
        COMPOSED.format(folder=tmp_path, command="run -P . -a . /data/packages")
    )
    unit = tmp_path / "pypi.service"
    unit.write_text(UNIT.format(folder=tmp_path))
    lines = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line)

    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=60
    )
    run = partial(
        subprocess.run, cwd=lines["WorkingDirectory"], env=engine.environment, check=True, timeout=300,
        capture_output=True,
    )  # fmt: skip
    run(lines["ExecStart"].split())
    is_up = engine.answers("http://localhost:8080/health")
    run(lines["ExecStop"].split())

    assert "pypi.service" not in verified.stderr
    assert is_up
    assert engine.do("ps", "--quiet", "--filter", f"label=com.docker.compose.project={tmp_path.name}") == ""
