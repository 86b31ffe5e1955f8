"""What a server tells about itself: metrics over all workers, health, readiness, and who may ask."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import freeze, keeper_of, workers_of
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose processes are left alone."""
    with serving(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that a test may do something to."""
    with serving(tmp_path) as running:
        yield running


@contextmanager
def serving(home: Path) -> Iterator[ServerProcess]:
    """Serve one project, and one file that is not listed."""
    packages = home / "packages"
    build_wheel(packages, "demo", "1.0")
    (packages / "broken-1.0-py3-none-any.whl").write_bytes(b"no zip")
    options = ["--workers", "2", "--trusted-proxies", "127.0.0.1"]
    with ServerProcess(packages, home=home, options=options) as running:
        wait_until(lambda: len(workers_of(running.pid)) == 2, what="two workers run")
        wait_until(lambda: running.get("/simple/demo/").status_code == 200, what="the project is listed")
        yield running


def metric(server: ServerProcess, name: str, **labels: str) -> float:
    """Return the value of one time series, 0 when it is not there."""
    answer = server.get("/metrics")
    assert answer.status_code == 200, answer.text
    for line in answer.text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? ([^ ]+)", line)
        if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")) == labels:
            return float(found[3])
    return 0.0


def test_metrics_add_up_over_the_workers(server: ServerProcess) -> None:
    labels = {"route": "metadata", "method": "GET", "status": "2xx"}
    path = "/packages/demo-1.0-py3-none-any.whl.metadata"

    sent = [len(server.get(path).content) for _ in range(40)]

    wait_until(
        lambda: metric(server, "pypitool_requests_total", **labels) == 40, what="40 requests are counted"
    )
    assert metric(server, "pypitool_sent_bytes_total", route="metadata") == sum(sent)
    assert metric(server, "pypitool_request_seconds_count", route="metadata") == 40
    assert metric(server, "pypitool_request_seconds_bucket", route="metadata", le="+Inf") == 40
    assert 0 < metric(server, "pypitool_replayed_requests_total", route="metadata") < 40


def test_the_numbers_of_a_dead_worker_stay(own_server: ServerProcess) -> None:
    labels = {"route": "index", "method": "GET", "status": "2xx"}
    for _ in range(20):
        own_server.get("/simple/")
    wait_until(lambda: metric(own_server, "pypitool_requests_total", **labels) == 20, what="20 are counted")

    os.kill(workers_of(own_server.pid)[0], signal.SIGKILL)
    for _ in range(10):
        own_server.get("/simple/")

    wait_until(lambda: metric(own_server, "pypitool_requests_total", **labels) == 30, what="30 are counted")


def test_metrics_say_what_is_held_and_what_is_not_listed(server: ServerProcess) -> None:
    wait_until(lambda: metric(server, "pypitool_files_not_listed") == 1, what="the broken file is reported")

    assert metric(server, "pypitool_files") == 1
    assert metric(server, "pypitool_projects") == 1
    assert metric(server, "pypitool_keeper_heartbeat_age_seconds") < 10


def test_health_is_open_to_everybody(server: ServerProcess) -> None:
    from_afar = {"X-Forwarded-For": "10.1.2.3"}

    answers = [server.get(path, headers=from_afar) for path in ("/health", "/healthz")]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "Ok")] * 2


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_operations_are_for_this_machine(server: ServerProcess, path: str) -> None:
    codes = {
        address: server.get(path, headers={"X-Forwarded-For": address}).status_code
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "nonsense", "127.0.0.1", "::1")
    }

    assert codes == {"10.1.2.3": 401, "::ffff:10.1.2.3": 401, "nonsense": 401, "127.0.0.1": 200, "::1": 200}


def test_a_client_behind_a_proxy_that_nobody_trusts_is_no_neighbour(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()

    with ServerProcess(packages, home=tmp_path) as server:
        direct = server.get("/metrics").status_code
        forwarded = server.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code

    assert (direct, forwarded) == (200, 401)


def test_readiness_ends_with_the_keeper_and_comes_back(own_server: ServerProcess) -> None:
    wait_until(lambda: own_server.get("/readyz").status_code == 200, what="the own_server is ready")
    heartbeat = own_server.packages[0] / ".pypitool" / "keeper.json"
    keeper = keeper_of(own_server.pid)
    assert keeper is not None

    os.kill(keeper, signal.SIGSTOP)
    document = json.loads(heartbeat.read_text())
    heartbeat.write_text(json.dumps({**document, "at": document["at"] - 60}))
    silent = own_server.get("/readyz")
    os.kill(keeper, signal.SIGCONT)

    assert silent.status_code == 503
    assert "was silent for" in silent.json()["faults"]["keeper"]
    assert silent.headers["Retry-After"] == "5"
    wait_until(lambda: own_server.get("/readyz").status_code == 200, what="the own_server is ready again")


def test_a_password_file_that_went_away_is_not_ready(tmp_path: Path) -> None:
    packages, passwords = tmp_path / "packages", tmp_path / "htpasswd"
    packages.mkdir()
    passwords.write_text("")

    with ServerProcess(packages, home=tmp_path, options=["-P", str(passwords)]) as server:
        wait_until(lambda: server.get("/readyz").status_code == 200, what="the server is ready")
        passwords.unlink()
        answer = server.get("/readyz")

    assert answer.status_code == 503
    assert list(answer.json()["faults"]) == ["passwords"]


def test_metrics_are_there_while_the_catalogue_is_not(own_server: ServerProcess) -> None:
    keeper = keeper_of(own_server.pid)
    assert keeper is not None
    freeze(keeper)

    for file in (own_server.packages[0] / ".pypitool").glob("catalogue.sqlite*"):
        file.unlink()
    # A worker looks for its catalogue once a second.
    until = time.monotonic() + 1.5
    answers = [own_server.get("/metrics")]
    while time.monotonic() < until:
        answers.append(own_server.get("/metrics"))
    os.kill(keeper, signal.SIGCONT)

    assert {answer.status_code for answer in answers} == {200}
    assert all("pypitool_requests_total" in answer.text for answer in answers)
    wait_until(lambda: own_server.get("/readyz").status_code == 200, what="the keeper mended it")


@pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP"])
def test_a_header_that_we_do_not_read_makes_nobody_a_neighbour(server: ServerProcess, header: str) -> None:
    assert server.get("/metrics", headers={header: "for=10.1.2.3"}).status_code == 401
