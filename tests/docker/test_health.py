"""The health check asks the server that runs, however it was told where that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.conftest import Start
from tests.support.certificates import Authority
from tests.support.docker_engine import Compose, Container, Engine
from tests.support.imports import ROOT
from tests.support.waiting import wait_until

CHECK = ("/opt/pypitool/bin/python", "-I", "-m", "pypitool.container.health")


def is_healthy(container: Container) -> bool:
    return container.engine.try_to("exec", container.name, *CHECK).returncode == 0


@pytest.mark.parametrize(
    ("options", "words", "expected"),
    [
        ((), "run -p 9000", "http://127.0.0.1:9000/health answers"),
        (("-e", "PORT=9001"), "run", "http://127.0.0.1:9001/health answers"),
        (("-e", "PYPITOOL_SERVER_BASE_URL=/pypi"), "run", "http://127.0.0.1:8080/pypi/health answers"),
        (
            ("--init", "--user", "1000"),
            "serve --state /tmp/s --unix-socket /tmp/a.sock --health-endpoint /alive",
            "unix:/tmp/a.sock:/alive answers",
        ),
        (
            ("-v", "{tls}:/tls:ro"),
            "-p 8443 --cert /tls/server.pem --key /tls/server.key",
            "https://127.0.0.1:8443/health answers",
        ),
        (("-v", "{config}:/etc/pypitool:ro"), "run", "http://127.0.0.1:9003/x/health answers"),
    ],
    ids=["a flag", "a variable", "a prefix", "a socket, and an init", "TLS", "the configuration"],
)
def test_it_asks_where_the_server_listens(
    start: Start,
    authority: Authority,
    packages: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    words: str,
    expected: str,
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text('[server]\nport = 9003\nserver-base-url = "/x"\n')
    tls = tmp_path / "tls"
    tls.mkdir()
    for path in (authority.chain, authority.key):
        (tls / path.name).write_bytes(path.read_bytes())
    filled = [one.format(tls=tls, config=tmp_path / "config") for one in options]

    container = start(*filled, "-v", f"{packages}:/data/packages", words=words)
    wait_until(lambda: is_healthy(container) or not container.state["Running"], what="it is healthy")

    assert container.exec(*CHECK) == expected, container.log


def test_docker_asks_too_and_notices_a_server_that_hangs(start: Start, engine: Engine, image: str) -> None:
    container = start("--health-interval", "1s", "--health-timeout", "2s", "--health-start-period", "0s")
    wait_until(lambda: container.state["Health"]["Status"] == "healthy", what="Docker finds it healthy")

    container.exec("sh", "-c", "kill -STOP -1")

    wait_until(lambda: container.state["Health"]["Status"] == "unhealthy", what="Docker finds it unhealthy")


def test_a_container_with_another_task_is_healthy(start: Start, packages: Path) -> None:
    container = start("-v", f"{packages}:/data/packages", words="daemon")
    wait_until(lambda: is_healthy(container), what="it is healthy")

    assert container.exec(*CHECK) == "no server: the container does something else"


def test_the_compose_file_runs_a_server_and_its_jobs(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text((ROOT / "compose.yaml").read_text())
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text('[job.tidy]\nrun = "verify"\ncron = "30 3 * * *"\n')

    compose.do("up", "-d", "--wait", "--no-build")
    compose.do(
        "exec", "-T", "server", "pypitool", "user", "add", "ann", "-P", "/data/state/htpasswd",
        "--password-stdin", stdin="s3cret\n",
    )  # fmt: skip
    planned = compose.do("exec", "-T", "jobs", "pypitool", "schedule")
    owner = compose.do("exec", "-T", "server", "stat", "-c", "%u", "/data/state/htpasswd")

    assert compose.engine.answers("http://localhost:8080/simple/")
    assert "tidy" in planned
    assert owner == "10001"
    assert (tmp_path / "packages").stat().st_uid == 10001
