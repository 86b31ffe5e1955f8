"""The application under a WSGI server that is not ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.environment import scrubbed
from tests.support.processes import is_alive
from tests.support.server import HOST, free_port
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

# As gunicorn does it with --preload: load, fork, and let the kernel choose who takes a connection.
PREFORKING = """
import os, sys
from wsgiref.simple_server import make_server
from pypitool_server.wsgi import app

with make_server(sys.argv[1], int(sys.argv[2]), app) as server:
    os.fork()
    server.serve_forever()
"""


@contextmanager
def foreign(tmp_path: Path, **environment: str) -> Iterator[str]:
    """Run two processes of a foreign server, and return the address of both."""
    port = free_port()
    program = tmp_path / "preforking.py"
    program.write_text(PREFORKING)
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(
        [sys.executable, program, HOST, str(port)], stdout=log, stderr=log, cwd=tmp_path,
        start_new_session=True, env=scrubbed(os.environ, home=tmp_path, **environment),
    ) as process:  # fmt: skip
        try:
            url = f"http://{HOST}:{port}"
            wait_until(lambda: answers(url), what="it answers")
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answers(url: str) -> bool:
    try:
        return get(f"{url}/health").ok
    except requests.ConnectionError:
        return False


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=LONGEST, allow_redirects=False)


def test_any_server_serves_with_one_of_its_workers_as_keeper(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")

    with foreign(tmp_path, PYPITOOL_PACKAGES=str(packages)) as url:
        wait_until(lambda: get(f"{url}/simple/demo/").ok, what="what was there is listed")
        build_wheel(packages, "later", "1.0")
        wait_until(lambda: get(f"{url}/simple/later/").ok, what="what is copied in is listed")
        ready = get(f"{url}/readyz")
        heartbeat = json.loads((packages / ".pypitool" / "keeper.json").read_text())

    assert ready.status_code == 200, ready.text
    wait_until(lambda: not is_alive(heartbeat["pid"]), what="the keeper ends with its server")


def test_its_metrics_add_up_over_its_processes(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")

    with foreign(tmp_path, PYPITOOL_PACKAGES=str(packages)) as url:
        for _ in range(30):
            get(f"{url}/simple/")
        expected = 'pypitool_requests_total{method="GET",route="index",status="2xx"} 30.0'

        wait_until(lambda: expected in get(f"{url}/metrics").text, what="30 requests are counted")


def test_a_wrong_configuration_is_told_when_the_application_is_loaded(tmp_path: Path) -> None:
    environment = scrubbed(os.environ, home=tmp_path, PYPITOOL_PORT="many")

    ended = subprocess.run(
        [sys.executable, "-c", "from pypitool_server.wsgi import app"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )

    assert ended.returncode == 1
    assert "PYPITOOL_PORT" in ended.stderr.splitlines()[-1]


def test_importing_the_module_reads_nothing(tmp_path: Path) -> None:
    environment = scrubbed(os.environ, home=tmp_path, PYPITOOL_PORT="many")
    code = "import sys, pypitool_server.wsgi; print('flask' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert (ended.stdout, ended.returncode) == ("False\n", 0)


def test_every_process_follows_the_rules_and_one_of_them_tells(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    config = tmp_path / "config.toml"
    head = f"[server]\npackages = '{packages}'\n[[rule]]\nwho = ['anonymous']\nmay = ['list']\n"
    config.write_text(f"{head}projects = ['demo']")

    with foreign(tmp_path, PYPITOOL_CONFIG=str(config)) as url:
        wait_until(lambda: get(f"{url}/simple/demo/").ok, what="it is listed")
        config.write_text(f"{head}projects = ['nothing']")
        seen = wait_until(
            lambda: {get(f"{url}/simple/demo/").status_code for _ in range(12)} == {401}, what="it is hidden"
        )
        config.write_text("nonsense")
        wait_until(lambda: "the rules stay as they were" in log_of(tmp_path), what="the fault is told")
        get(f"{url}/health")

    assert seen
    assert log_of(tmp_path).count("the rules were read again") == 1
    assert log_of(tmp_path).count("the rules stay as they were") == 1
    assert "SIGHUP" not in log_of(tmp_path)


def log_of(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text()
