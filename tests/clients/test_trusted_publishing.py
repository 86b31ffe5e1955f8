"""uv publishes from a CI without a secret: an issuer vouches for it, all over TLS of our own authority."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from pypitool.catalogue.facts import FactLog
from pypitool.core.fact import to_document
from pypitool.core.state_files import StateFiles
from tests.clients.conftest import TWO_WORKERS
from tests.support.certificates import Authority
from tests.support.clients import Client
from tests.support.forms import upload_form
from tests.support.issuer import Issuer
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import Release, build_wheel, wheel_bytes, wheel_filename

pytestmark = pytest.mark.live

CONFIGURATION = """
[auth]
oidc-audience = "pypi.acme.example"
[[rule]]
who = ["anonymous"]
may = ["list", "download"]
[[publisher]]
name = "github-acme"
issuer = "{issuer.url}"
ca = "{issuer.ca}"
claims = {{ repository = "acme/core", ref = ["refs/heads/main", "refs/tags/*"] }}
projects = ["acme-*"]
"""


@pytest.fixture(scope="module")
def issuer(authority: Authority) -> Iterator[Issuer]:
    with Issuer(authority) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, issuer: Issuer
) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("server")
    (home / "packages").mkdir()
    file = home / "config.toml"
    file.write_text(CONFIGURATION.format(issuer=issuer))
    tls = ["--cert", str(authority.chain), "--key", str(authority.key)]
    options = ["--config", str(file), *tls, *TWO_WORKERS]
    with ServerProcess(home / "packages", home=home, options=options, ready_path=None) as server:
        wait_until(lambda: page(server, authority, "/health"), what="it answers")
        yield server


def page(server: ServerProcess, authority: Authority, path: str) -> str:
    context = ssl.create_default_context(cafile=authority.ca)
    with (
        suppress(OSError),
        urllib.request.urlopen(secure(server) + path, context=context, timeout=LONGEST) as answer,
    ):
        return str(answer.read().decode())
    return ""


def secure(server: ServerProcess) -> str:
    return server.url.replace("http:", "https:")


def publish(server: ServerProcess) -> tuple[str, ...]:
    return ("publish", "--trusted-publishing", "always", "--publish-url", f"{secure(server)}/legacy/")


def test_uv_publishes_for_a_repository_that_is_trusted(
    uv: Client, server: ServerProcess, issuer: Issuer, authority: Authority, tmp_path: Path
) -> None:
    issuer.said = {"sub": "repo:acme/core", "repository": "acme/core", "ref": "refs/tags/v1"}
    wheel = build_wheel(tmp_path, "acme-core", "1.0")

    uv.succeed("uv", *publish(server), wheel, environment=issuer.job())

    assert wheel.name in page(server, authority, "/simple/acme-core/")
    facts = FactLog(StateFiles(server.packages[0] / ".pypitool").facts).replay()
    minted, uploaded = (to_document(fact) for fact in facts if fact.what in ("token-mint", "upload"))
    assert (minted["who"], minted["with"], minted["from"]) == ("publisher:github-acme", "oidc", "127.0.0.1")
    assert (uploaded["who"], uploaded["with"]) == ("publisher:github-acme", f"token:{minted['id']}")


def test_uv_is_told_why_a_repository_is_not_trusted(
    uv: Client, server: ServerProcess, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.said = {"sub": "repo:evil/core", "repository": "evil/core", "ref": "refs/heads/main"}
    wheel = build_wheel(tmp_path, "acme-evil", "1.0")

    refused = uv.fail("uv", *publish(server), wheel, environment=issuer.job())

    assert "422" in refused
    assert "repository = evil/core" in refused


def test_uv_publishes_nothing_outside_the_projects_of_a_publisher(
    uv: Client, server: ServerProcess, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.said = {"sub": "repo:acme/core", "repository": "acme/core", "ref": "refs/heads/main"}
    wheel = build_wheel(tmp_path, "other", "1.0")

    refused = uv.fail("uv", *publish(server), wheel, environment=issuer.job())

    assert "403" in refused


def test_a_publisher_that_is_taken_out_of_the_file_stops_its_tokens(
    server: ServerProcess, issuer: Issuer
) -> None:
    proof = issuer.sign(aud="pypi.acme.example", repository="acme/core", ref="refs/heads/main")
    minted = requests.post(
        f"{secure(server)}/_/oidc/mint-token", json={"token": proof}, verify=str(issuer.ca), timeout=LONGEST
    )
    credentials = ("__token__", minted.json()["token"])
    file = server.packages[0].parent / "config.toml"
    before = file.read_text()

    assert upload(server, issuer, credentials) == 200
    file.write_text(before.partition("[[publisher]]")[0])

    # On connections of their own: both workers are asked.
    wait_until(
        lambda: {upload(server, issuer, credentials) for _ in range(8)} == {401}, what="the token has ended"
    )
    file.write_text(before)


def upload(server: ServerProcess, issuer: Issuer, credentials: tuple[str, str]) -> int:
    release = Release("acme-core", "3.0")
    form = upload_form(wheel_filename(release), wheel_bytes(release))
    headers = {"Content-Type": form.content_type}
    url = f"{secure(server)}/legacy/"
    answer = requests.post(
        url, data=form.data, headers=headers, auth=credentials, verify=str(issuer.ca), timeout=LONGEST
    )
    return answer.status_code
