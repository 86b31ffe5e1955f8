"""pip, uv and twine log in with tokens, which a running server with two workers takes and drops at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import TWO_WORKERS, Clients, fill
from tests.support.accounts import write_htpasswd
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
USER = "__token__"
PATH = "/simple/acme-lib/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """An index that asks for credentials for everything."""
    home = tmp_path_factory.mktemp("server")
    fill(home / "packages")
    passwords = write_htpasswd(home / "htpasswd", {"ann": "secret"})
    options = ["-a", "list,download,update", "-P", str(passwords), *TWO_WORKERS]
    with ServerProcess(home / "packages", home=home, options=options) as server:
        server.wait_until_listed("acme-app", "acme-lib", "acme-pure", auth=("ann", "secret"))
        yield server


@pytest.fixture
def machine(tmp_path: Path) -> Client:
    """The command line on the server's own machine."""
    home = tmp_path / "machine"
    home.mkdir()
    return Client.beside_us(home)


def token(machine: Client, server: ServerProcess, name: str, *more: str) -> str:
    made = ("token", "create", "-q", "--name", name, "--packages", str(server.packages[0]))
    return machine.succeed("pypitool", *made, *more).strip()


def test_pip_installs_with_a_token_for_reading(
    clients: Clients, machine: Client, server: ServerProcess, tmp_path: Path
) -> None:
    secret = token(machine, server, "readers", "--may", "list,download")
    quick = ("install", "--no-cache-dir", "--no-input", "-t", str(tmp_path / "site"))

    clients("pip").succeed(
        "pip", *quick, "-i", server.url_of("/simple/", user=USER, password=secret), "acme-app"
    )

    assert (tmp_path / "site" / "acme_lib.py").exists()


def test_uv_publishes_with_a_token_of_its_project(
    uv: Client, machine: Client, server: ServerProcess, tmp_path: Path
) -> None:
    secret = token(machine, server, "ci-uv", "--may", "upload,list", "--projects", "uv-*")
    wheel, foreign = (build_wheel(tmp_path, name, "1.0") for name in ("uv-token", "other-token"))
    publish = ("publish", "--publish-url", f"{server.url}/legacy/", "--token", secret)

    uv.succeed("uv", *publish, wheel)
    refused = uv.fail("uv", *publish, foreign)

    assert server.get("/simple/uv-token/", auth=(USER, secret)).status_code == 200
    assert "403" in refused
    assert "does not have the right `upload`" in refused


def test_twine_uploads_with_a_token(
    clients: Clients, machine: Client, server: ServerProcess, tmp_path: Path
) -> None:
    secret = token(machine, server, "ci-twine", "--may", "upload", "--projects", "twine-*")
    wheel = build_wheel(tmp_path, "twine-token", "1.0")

    upload = ("upload", "--non-interactive", "--disable-progress-bar", "--repository-url", server.url)
    clients("twine").succeed("twine", *upload, "-u", USER, "-p", secret, wheel)

    assert server.get("/simple/twine-token/", auth=("ann", "secret")).status_code == 200


def test_the_last_use_is_listed(machine: Client, server: ServerProcess) -> None:
    secret = token(machine, server, "used", "--may", "list")
    listing = ("token", "list", "--packages", str(server.packages[0]))

    server.get(PATH, auth=(USER, secret))

    def last_use() -> str:
        rows = [line.split("\t") for line in machine.succeed("pypitool", *listing).splitlines()]
        return next(row[5] for row in rows if row[0] == "used")

    assert wait_until(last_use, what="the use is listed").startswith("20")


def test_a_revoked_token_stops_at_the_next_request_in_every_worker(
    machine: Client, server: ServerProcess
) -> None:
    secret = token(machine, server, "leaving", "--may", "list")

    def statuses(number: int) -> set[int]:
        # Each on a connection of its own: the system deals them out to the workers.
        return {server.get(PATH, auth=(USER, secret)).status_code for _ in range(number)}

    before = statuses(40)
    machine.succeed("pypitool", "token", "revoke", "leaving", "--packages", str(server.packages[0]))
    after = statuses(40)

    assert before == {200}
    assert after == {401}


def test_a_use_a_moment_before_the_server_ends_is_not_lost(machine: Client, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "acme-lib", "1.0")
    passwords = write_htpasswd(tmp_path / "htpasswd", {})
    options = ["-a", "list,update", "-P", str(passwords)]
    with ServerProcess(packages, home=tmp_path, options=options) as server:
        secret = token(machine, server, "late", "--may", "list")
        server.get(PATH, auth=(USER, secret))

    rows = machine.succeed("pypitool", "token", "list", "--packages", str(packages)).splitlines()

    assert rows[0].split("\t")[5].startswith("20")
