"""Ways to an upstream: TLS with an authority of one's own, proxies, and passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.mirror.live.mirror import Mirror
from tests.mirror.live.proxy import Proxy
from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
WHEEL = "a-1.0-py3-none-any.whl"
TARGET = {"linux": ("3.12", "manylinux_2_39_x86_64")}


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an index that speaks TLS."""
    home = tmp_path_factory.mktemp("secure")
    build_wheel(home / "packages", "a", "1.0")
    options = ["--cert", str(authority.chain), "--key", str(authority.key)]
    with ServerProcess(home / "packages", home=home, options=options, ready_path=None) as server:
        url = f"https://127.0.0.1:{server.port}/simple/"
        wait_until(lambda: _answers(url, authority), what="the server answers")
        yield url


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """An index without TLS that asks for a password for everything."""
    home = tmp_path_factory.mktemp("plain")
    build_wheel(home / "packages", "a", "1.0")
    passwords = write_htpasswd(home / "htpasswd", {"mirror": "s3cret"})
    options = ["-a", "list,download,update", "-P", str(passwords)]
    with ServerProcess(home / "packages", home=home, options=options) as server:
        yield server


def _answers(url: str, authority: Authority) -> bool:
    try:
        return requests.get(url, verify=str(authority.ca), timeout=LONGEST).ok
    except requests.ConnectionError:
        return False


def mirror(home: Path, index: str, upstream: str = "", **environment: str) -> Mirror:
    return Mirror(home, index, TARGET, "a==1.0\n", upstream, environment)


def test_an_unknown_authority_is_not_trusted(secure: str, tmp_path: Path) -> None:
    refused = mirror(tmp_path, secure).run("download", "a==1.0", "-i", secure, "-d", "got")

    assert refused.code == 7
    assert "certificate" in refused.err


def test_an_authority_of_ones_own_is_trusted_by_flag_and_by_key(
    secure: str, authority: Authority, tmp_path: Path
) -> None:
    by_key = mirror(tmp_path, secure, f'ca = "{authority.ca}"').run("sync")
    by_flag = mirror(tmp_path, secure).run(
        "download", "a==1.0", "-i", secure, "-d", "got", "--cert", str(authority.ca)
    )

    assert (by_key.code, by_flag.code) == (0, 0)
    assert (tmp_path / "packages" / WHEEL).exists()
    assert (tmp_path / "got" / WHEEL).exists()


def test_the_bundle_of_the_environment_is_trusted(secure: str, authority: Authority, tmp_path: Path) -> None:
    assert mirror(tmp_path, secure, REQUESTS_CA_BUNDLE=str(authority.ca)).run("sync").code == 0


def test_a_trusted_host_needs_no_certificate_that_holds(secure: str, tmp_path: Path) -> None:
    words = ("download", "a==1.0", "-i", secure, "-d", "got", "--trusted-host", "127.0.0.1")

    assert mirror(tmp_path, secure).run(*words).code == 0


def test_a_proxy_carries_plain_requests(tmp_path: Path) -> None:
    build_wheel(tmp_path / "origin", "a", "1.0")
    with ServerProcess(tmp_path / "origin", home=tmp_path) as origin, Proxy() as proxy:
        index = f"{origin.url}/simple/"

        ran = mirror(tmp_path, index, f'proxy = "{proxy.url}"').run("sync")

    assert ran.code == 0
    assert proxy.seen[0] == f"GET {index}a/"
    assert proxy.seen[-1].endswith(WHEEL)


def test_a_proxy_carries_tls(secure: str, authority: Authority, tmp_path: Path) -> None:
    with Proxy() as proxy:
        ran = mirror(tmp_path, secure).run(
            "download", "a==1.0", "-i", secure, "-d", "got", "--cert", str(authority.ca), "--proxy", proxy.url
        )

    assert ran.code == 0
    assert {word.partition(" ")[0] for word in proxy.seen} == {"CONNECT"}


def test_the_proxy_of_the_environment_is_used(tmp_path: Path) -> None:
    build_wheel(tmp_path / "origin", "a", "1.0")
    with ServerProcess(tmp_path / "origin", home=tmp_path) as origin, Proxy() as proxy:
        ran = mirror(tmp_path, f"{origin.url}/simple/", http_proxy=proxy.url, NO_PROXY="").run("sync")

    assert ran.code == 0
    assert len(proxy.seen) == 2


@pytest.mark.parametrize("way", ["netrc", "environment", "file", "address"])
def test_passwords_come_from_where_they_are_kept(plain: ServerProcess, tmp_path: Path, way: str) -> None:
    index, upstream, environment = f"{plain.url}/simple/", "", {}
    if way == "netrc":
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mirror password s3cret\n")
        (tmp_path / ".netrc").chmod(0o600)
    elif way == "environment":
        upstream, environment = 'auth = { user = "mirror", password-env = "SECRET" }', {"SECRET": "s3cret"}
    elif way == "file":
        (tmp_path / "secret").write_text("s3cret\n")
        (tmp_path / "secret").chmod(0o600)
        upstream = 'auth = { user = "mirror", password-file = "secret" }'
    else:
        index = plain.url_of("/simple/", user="mirror", password="s3cret")

    ran = mirror(tmp_path, index, upstream, **environment).run("sync", "--json")

    assert ran.code == 0, ran
    assert "s3cret" not in ran.out + ran.err
    assert (tmp_path / "packages" / WHEEL).exists()


def test_without_a_password_the_run_says_so(plain: ServerProcess, tmp_path: Path) -> None:
    ran = mirror(tmp_path, f"{plain.url}/simple/").run("sync")

    assert ran.code == 3
    assert "credentials" in ran.err
