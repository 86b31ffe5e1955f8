"""Forged headers, sent through real proxies to a real server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pypitool.__main__ import main
from tests.support.front_proxies import FRONT_PROXIES, FrontProxy
from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

NAMES = ("X-Remote_User", "X_Remote-User", "X_Remote_User", "x_remote_user")
ADDRESSES = ("X-Forwarded_For", "X_Forwarded-For", "X_Forwarded_For", "x_forwarded_for")
# What lets through the other spellings: nothing is written against them, and nginx is told to.
CARELESS = {"nginx": ["underscores_in_headers on;"]}
# What fills a header with words of its own where nobody has logged in.
UNFILLED = {
    "Caddy": ["request_header Remoteuser {http.auth.user.id}"],
    "Apache": ["RequestHeader set Remoteuser %{REMOTE_USER}e"],
}
ORDERS: tuple[dict[str, str], ...] = ({}, {"Content-Type": "text/plain"})
CONFIG = """
[server]
trusted-proxies = ["127.0.0.1"]
forwarded-header = "{forwarded}"
[auth]
header = "{header}"
header-is-safe = true
[[rule]]
who = ["admin"]
may = ["admin"]
[[rule]]
who = ["anonymous"]
may = ["list"]
from = ["10.0.0.0/8"]
"""


class Served:
    """A server that believes in two headers, its configuration, and what the doctor says of it."""

    def __init__(self, server: ServerProcess, config: Path) -> None:
        self.server = server
        self._config = config

    def forged(self, url: str) -> list[str]:
        """What the doctor finds to arrive."""
        return [one["subject"] for one in self._findings(url) if one["id"] == "header-forged"]

    def found(self, url: str, what: str = "proxy") -> list[tuple[str, str]]:
        """What the doctor finds of the proxy."""
        return [(one["id"], one["severity"]) for one in self._findings(url) if what in one["id"]]

    def _findings(self, url: str) -> list[dict[str, str]]:
        directory = str(self.server.packages[0])
        with redirect_stdout(io.StringIO()) as told:
            main(
                ["--config", str(self._config), "doctor", "--json", "--packages", directory, "--through", url]
            )
        findings: list[dict[str, str]] = json.loads(told.getvalue())["findings"]
        return findings


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    header, forwarded = getattr(request, "param", ("X-Remote-User", "X-Forwarded-For"))
    home = tmp_path_factory.mktemp("served")
    packages = home / "packages"
    build_wheel(packages, "acme-secret", "1.0")
    config = home / "config.toml"
    config.write_text(CONFIG.format(header=header, forwarded=forwarded))
    with ServerProcess(packages, home=home, environment={"PYPITOOL_CONFIG": str(config)}) as server:
        yield Served(server, config)


def answers(url: str, spellings: tuple[str, ...], value: str) -> set[int]:
    """What the list of projects answers to an address that nobody trusts."""
    return {_answer(url, {**order, spelling: value}) for spelling in spellings for order in ORDERS}


def _answer(url: str, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.hostname or "", parts.port, source_address=("127.0.0.77", 0))) as asked:
        asked.request("GET", "/simple/", headers=headers)
        return asked.getresponse().status


@pytest.mark.parametrize("proxy", FRONT_PROXIES, ids=str)
def test_nothing_forged_arrives_through_the_documented_lines(
    served: Served, proxy: FrontProxy, tmp_path: Path
) -> None:
    lines = proxy.lines_for("X-Remote-User", "X-Forwarded-For")

    with proxy.before(served.server.port, tmp_path / "proxy", lines) as url:
        as_admin = answers(url, ("X-Remote-User", *NAMES), "admin")
        from_inside = answers(url, ("X-Forwarded-For", *ADDRESSES), "10.9.9.9")
        found = served.forged(url)

    assert (as_admin, from_inside, found) == ({401}, {401}, [])


@pytest.mark.parametrize("proxy", FRONT_PROXIES, ids=str)
def test_the_doctor_finds_what_arrives_through_a_careless_proxy(
    served: Served, proxy: FrontProxy, tmp_path: Path
) -> None:
    with proxy.before(served.server.port, tmp_path / "proxy", CARELESS.get(proxy.name, [])) as url:
        as_admin = answers(url, ("X_Remote_User",), "admin")
        found = served.forged(url)

    assert 200 in as_admin
    # Apache writes its own X-Forwarded-For last, and the last one counts.
    assert found == [*NAMES[:3], *(ADDRESSES[:3] if proxy.name != "Apache" else ())]


@pytest.mark.parametrize("served", [("Remoteuser", "Forwarded")], indirect=True)
@pytest.mark.parametrize("proxy", FRONT_PROXIES, ids=str)
def test_names_with_one_spelling_need_no_line_at_all(
    served: Served, proxy: FrontProxy, tmp_path: Path
) -> None:
    with proxy.before(served.server.port, tmp_path / "proxy", CARELESS.get(proxy.name, [])) as url:
        as_admin = answers(url, ("Remoteuser", "remoteuser", "Remote-User", "Remote_User"), "admin")
        found = served.forged(url)

    assert (as_admin, found) == ({401}, [])


@pytest.mark.parametrize("served", [("Remoteuser", "Forwarded")], indirect=True)
@pytest.mark.parametrize("proxy", [one for one in FRONT_PROXIES if one.name in UNFILLED], ids=str)
def test_who_has_not_logged_in_at_the_proxy_is_nobody(
    served: Served, proxy: FrontProxy, tmp_path: Path
) -> None:
    with proxy.before(served.server.port, tmp_path / "proxy", UNFILLED[proxy.name]) as url:
        nobody = answers(url, ("X-Nothing",), "x")

    assert nobody == {401}


@pytest.mark.parametrize("served", [("Remoteuser", "Forwarded")], indirect=True)
def test_the_doctor_finds_what_no_proxy_takes_away(served: Served) -> None:
    assert served.forged(served.server.url) == ["Remoteuser"]


@pytest.mark.parametrize("path", ["/nothing/", ":1/"])
def test_an_address_without_a_server_of_ours_is_a_warning(served: Served, path: str) -> None:
    url = served.server.url if path[0] == "/" else "http://127.0.0.1"

    assert served.found(url + path) == [("proxy-untried", "warning")]


def test_the_start_tells_once_what_a_proxy_has_to_drop(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    config = tmp_path / "config.toml"
    text = CONFIG.format(header="Remoteuser", forwarded="X-Forwarded-For")
    config.write_text(text.replace('forwarded-header = "X-Forwarded-For"\n', ""))

    with ServerProcess(packages, home=tmp_path, environment={"PYPITOOL_CONFIG": str(config)}) as server:
        log = server.log

    assert log.count("rules with `from` go by X-Forwarded-For") == 1
    assert "http-request del-header (?i)^X[-_]Forwarded[-_]For$ -m reg" in log


@pytest.mark.parametrize("path", [None, "/files"])
def test_the_doctor_finds_files_that_nobody_sends(tmp_path: Path, path: str | None) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "acme-core", "1.0")
    config = tmp_path / "config.toml"
    config.write_text("[server]\n" + (f'accel-redirect = "{path}"\n' if path else ""))
    environment = {"PYPITOOL_CONFIG": str(config)}

    with ServerProcess(packages, home=tmp_path, environment=environment) as server:
        server.wait_until_listed("acme-core")
        found = Served(server, config).found(server.url, "files-")

    assert found == ([("files-empty", "error")] if path else [])
