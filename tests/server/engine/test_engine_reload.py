"""SIGHUP: a new configuration takes over when it works, and nothing happens when it does not."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.support.processes import is_alive, keeper_of, workers_of
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

UNKNOWN = "/simple/unknown-project/"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def server(config: Path) -> Iterator[ServerProcess]:
    with serving(config) as running:
        yield running


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    """A server that takes over nothing of what is written for it, and its configuration."""
    config = tmp_path_factory.mktemp("unchanged") / "config.toml"
    with serving(config) as running:
        yield running, config


@contextmanager
def serving(config: Path) -> Iterator[ServerProcess]:
    """Write a configuration, and serve with it."""
    config.write_text("[server]\nworkers = 2\n")
    packages = config.parent / "packages"
    build_wheel(packages, "demo", "1.0")
    options = ["--config", str(config)]
    with ServerProcess(packages, home=config.parent, options=options, fallback=True) as running:
        wait_until(lambda: len(workers_of(running.pid)) == 2, what="two workers run")
        wait_until(lambda: running.get("/simple/demo/").status_code == 200, what="the project is listed")
        yield running


def reread(server: ServerProcess, *, then: str) -> str:
    """Let the server read its configuration again, and return what it says of that."""
    before = len(server.log)
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: then in server.log[before:], what=f"the log says: {then}")
    return server.log[before:]


def test_a_changed_configuration_takes_over(server: ServerProcess, config: Path) -> None:
    before = workers_of(server.pid)
    assert server.get(UNKNOWN).status_code == 303

    config.write_text("[server]\nworkers = 3\ndisable-fallback = true\n")
    reread(server, then="the configuration was read again")

    wait_until(lambda: not any(map(is_alive, before)), what="the old workers are gone")
    wait_until(lambda: len(workers_of(server.pid)) == 3, what="three workers run")
    assert {server.get(UNKNOWN).status_code for _ in range(12)} == {404}


def test_fewer_workers_are_a_change_too(server: ServerProcess, config: Path) -> None:
    config.write_text("[server]\nworkers = 1\n")
    reread(server, then="the configuration was read again")

    wait_until(lambda: len(workers_of(server.pid)) == 1, what="one worker is left")
    assert {server.get("/simple/demo/").status_code for _ in range(12)} == {200}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[server]\nworkers = 'many'\n", "server.workers"),
        ("[server\n", "is not TOML"),
        ("[server]\nworkers = 2\ncert = 'missing.pem'\nkey = 'missing.pem'\n", "missing.pem"),
        ("[server]\nstate = '/proc/none'\n", "cannot keep the state"),
    ],
    ids=["wrong-value", "no-toml", "missing-certificate", "impossible-state"],
)
def test_a_broken_configuration_changes_nothing(
    unchanged: tuple[ServerProcess, Path], text: str, reason: str
) -> None:
    server, config = unchanged
    before = workers_of(server.pid)

    config.write_text(text)
    said = reread(server, then="the configuration stays as it was")

    assert reason in said
    assert workers_of(server.pid) == before
    assert server.get("/simple/demo/").status_code == 200


def test_no_client_notices_that_workers_are_renewed(server: ServerProcess) -> None:
    before = workers_of(server.pid)
    codes: list[int] = []
    done = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", HTTPAdapter(max_retries=5))  # as pip has it
            while not done.is_set():
                codes.append(session.get(server.url_of("/simple/demo/"), timeout=LONGEST).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        reread(server, then="the configuration was read again")
        wait_until(lambda: not any(map(is_alive, before)), what="the old workers are gone")
    finally:
        done.set()
        asking.join()

    assert set(codes) == {200}


def test_a_busy_connection_is_ended_by_an_answer_that_says_so(server: ServerProcess) -> None:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=LONGEST)

    def is_told_to_go() -> bool:
        connection.request("GET", "/health")
        with connection.getresponse() as answer:
            answer.read()
            return answer.status == 200 and answer.headers["Connection"] == "close"

    assert not is_told_to_go()
    os.kill(server.pid, signal.SIGHUP)

    wait_until(is_told_to_go, what="an answer ends the connection", every=0.0)
    connection.close()


def test_another_port_waits_for_a_restart(server: ServerProcess, config: Path) -> None:
    config.write_text("[server]\nworkers = 2\nunix-socket = 'x.sock'\n")
    reread(server, then="`server.unix-socket` changes when the server is restarted")

    assert server.get("/simple/demo/").status_code == 200


def test_the_keeper_is_renewed_only_when_its_orders_change(server: ServerProcess, config: Path) -> None:
    first = wait_until(lambda: keeper_of(server.pid), what="the keeper runs")

    reread(server, then="the configuration was read again")
    same = keeper_of(server.pid)
    config.write_text("[server]\nworkers = 2\nrescan = '30s'\n")
    os.kill(server.pid, signal.SIGHUP)

    assert same == first
    wait_until(lambda: keeper_of(server.pid) not in (first, None), what="another keeper runs")
