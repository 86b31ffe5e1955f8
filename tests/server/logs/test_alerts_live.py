"""What is shipped in `deploy/` for Prometheus and Grafana: read by real programs, held against /metrics."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import make_authority
from tests.support.imports import ROOT
from tests.support.missing_parts import program
from tests.support.server import HOST, ServerProcess, free_port
from tests.support.shipped_proxies import DEPLOY, NAME, NGINX, Places, replaced
from tests.support.waiting import wait_until
from tests.support.watching import Watched, watching
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

RULES = DEPLOY / "alerts.rules.yml"
DASHBOARD = DEPLOY / "dashboard.json"
DOCUMENT = (ROOT / "docs" / "behind-a-proxy.md").read_text()
SERIES = re.compile(r"\bpypitool_[a-z_]+")
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text())
CONFIG = """
[server]
server-base-url = "/pypi/"
[[rule]]
who = ["anonymous"]
may = ["list", "download"]
"""
# What Grafana puts in before it asks.
FILLED_IN = {"$instance": ".*", "$__rate_interval": "1m"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server below a prefix, with a file that is not listed, of which everything was asked once."""
    home = tmp_path_factory.mktemp("watched")
    with serving(home) as running:
        yield running


@contextmanager
def serving(home: Path) -> Iterator[ServerProcess]:
    packages = home / "packages"
    wheel = build_wheel(packages, "acme-core", "1.0")
    (packages / "broken-1.0-py3-none-any.whl").write_bytes(b"no zip")
    config = home / "config.toml"
    config.write_text(
        '[server]\nserver-base-url = "/pypi/"\n[[rule]]\nwho = ["anonymous"]\nmay = ["list", "download"]\n'
    )
    environment = {"PYPITOOL_CONFIG": str(config)}
    with ServerProcess(packages, home=home, environment=environment, ready_path="/pypi/health") as running:
        wait_until(lambda: running.get("/pypi/simple/acme-core/").ok, what="the project is listed")
        for path in ("/pypi/simple/", f"/pypi/packages/{wheel.name}", "/pypi/", "/pypi/simple/none/"):
            running.get(path)
        running.post("/pypi/", data=b"x")
        yield running


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return document


def expressions() -> list[str]:
    return [replaced_in(target["expr"]) for panel in dashboard()["panels"] for target in panel["targets"]]


def replaced_in(expression: str) -> str:
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    return expression


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_every_number_that_is_named_is_there(path: Path, server: ServerProcess) -> None:
    named = set(SERIES.findall(path.read_text()))
    wait_until(lambda: "pypitool_rules_stale" in metrics(server), what="the rules are looked after")
    wait_until(lambda: 'route="upload"' in metrics(server), what="the requests are counted")

    there = set(re.findall(r"^(pypitool_\w+)", metrics(server), re.MULTILINE))

    assert len(named) >= 8
    assert named <= there


def metrics(server: ServerProcess) -> str:
    return server.get("/pypi/metrics").text


def test_every_label_that_is_asked_for_is_one_that_the_server_gives() -> None:
    from pypitool_server.logs.counts import CLASSES, ROUTES

    text = RULES.read_text() + json.dumps(dashboard()).replace('\\"', '"')
    routes = {one for words in re.findall(r'route=~?"([a-z|]+)"', text) for one in words.split("|")}

    assert routes == {"index", "project", "upload"}
    assert routes <= set(ROUTES)
    assert set(re.findall(r'status="(\w+)"', text)) == {"5xx"} <= set(CLASSES)


def test_a_dashboard_is_one_that_grafana_takes() -> None:
    document = dashboard()
    panels = document["panels"]

    # "Unique dashboard identifier [...] string (8-40)"; without an id, which Grafana gives.
    assert re.fullmatch(r"[a-z-]{8,40}", document["uid"])
    assert "id" not in document
    assert isinstance(document["schemaVersion"], int)
    assert document["title"]
    assert {"templating", "annotations", "time", "panels"} <= document.keys()
    assert [one["name"] for one in document["templating"]["list"]] == ["datasource", "instance"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["type"] for panel in panels} == {"stat", "timeseries"}
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        assert {"fieldConfig", "options"} <= panel.keys()
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)) != []
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


def test_the_panels_of_a_dashboard_lie_side_by_side() -> None:
    taken = [
        (column, line)
        for place in (panel["gridPos"] for panel in dashboard()["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]

    assert len(taken) == len(set(taken))
    # "The width of the dashboard is divided into 24 columns"; none is left empty.
    assert {column for column, _ in taken} == set(range(24))
    assert len(taken) == 24 * (1 + max(line for _, line in taken))


def test_promtool_takes_the_rules_and_they_fire_as_they_should() -> None:
    for words in (["check", "rules", RULES], ["test", "rules", Path(__file__).with_name("alerts.test.yml")]):
        ended = subprocess.run(
            [program("promtool"), *map(str, words)], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_rule_has_a_test_a_severity_and_words() -> None:
    tests = Path(__file__).with_name("alerts.test.yml").read_text()
    text = RULES.read_text()

    assert len(ALERTS) == len(set(ALERTS)) == text.count("severity: ")
    assert text.count("summary: ") == text.count("description: ") == len(ALERTS)
    assert set(re.findall(r"alertname: (\w+)", tests)) == set(ALERTS)


def test_what_is_wrong_reaches_a_webhook_and_every_panel_shows_something(
    server: ServerProcess, tmp_path: Path
) -> None:
    rules = tmp_path / "alerts.rules.yml"
    # Nobody waits for a quarter of an hour here.
    rules.write_text(replaced(RULES.read_text(), {"for: 15m": "for: 1s", "for: 1m": "for: 1s"}))

    with watching(tmp_path, rules, f"{HOST}:{server.port}", "/pypi/metrics") as watched:
        wait_until(lambda: watched.alerts("PypitoolFilesNotListed"), what="the alert arrives")
        config = server.packages[0].parent / "config.toml"
        config.write_text(config.read_text() + "[[rule]]\nmay = 1\n")
        wait_until(lambda: watched.alerts("PypitoolRulesStale"), what="the second alert arrives")
        shown = {expression: series(watched, server, expression) for expression in expressions()}

    told = watched.alerts("PypitoolFilesNotListed")[0]
    assert told["annotations"]["summary"] == f"1 files of {HOST}:{server.port} are not listed."
    assert told["labels"]["severity"] == "warning"
    assert [expression for expression, found in shown.items() if not found] == []
    assert {one["labels"]["alertname"] for one in watched.arrived} == {
        "PypitoolFilesNotListed",
        "PypitoolRulesStale",
    }


def series(watched: Watched, server: ServerProcess, expression: str) -> list[dict[str, Any]]:
    """What a panel shows, once there are two looks at its counters."""

    def look() -> list[dict[str, Any]]:
        server.get("/pypi/simple/")
        return watched.ask(expression)

    return wait_until(look, what=f"a value of {expression}", seconds=30)


def test_a_server_on_a_socket_is_asked_through_its_proxy(tmp_path: Path) -> None:
    home, folder = tmp_path / "server", tmp_path / "proxy"
    home.mkdir()
    folder.mkdir()
    places = Places(folder, free_port(), free_port(), home / "packages", make_authority(folder, name=NAME))
    build_wheel(places.packages, "acme-core", "1.0")
    (home / "config.toml").write_text(NGINX.settings_at(places))
    line = f"--config {home}/config.toml serve --disable-fallback {places.packages}"
    # As the document has it, and an authority that the machine does not know.
    documented = re.search(r"^ +scheme: https\n +tls_config: .*\n", DOCUMENT, re.MULTILINE)
    assert documented
    more = documented[0].replace(" }", f", ca_file: {places.authority.ca} }}")

    with (
        ServerProcess(home=home, line=line, ready_path=None) as server,
        NGINX.running(places),
        watching(tmp_path, RULES, f"{HOST}:{places.own}", "/pypi/metrics", more=more) as watched,
    ):
        wait_until(lambda: "serves" in server.log, what="the server serves")
        found = wait_until(lambda: watched.ask("pypitool_files == 1"), what="its numbers arrive")

    assert found[0]["metric"]["instance"] == f"{HOST}:{places.own}"
