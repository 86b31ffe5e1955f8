"""The address that the server has for its clients."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pypitool_server.http.proxies import ExternalAddress, TrustedProxies

NOTHING: Mapping[str, str] = {}


def base_url(
    *,
    mount: str = "/",
    trusted: tuple[str, ...] = ("10.0.0.1",),
    peer: str = "10.0.0.1",
    forged: Mapping[str, str] = NOTHING,
    **given: str,
) -> str:
    environ = {
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "pkgs.lan:8080",
        "SERVER_NAME": "server",
        "SERVER_PORT": "80",
        "SCRIPT_NAME": "",
        "REMOTE_ADDR": peer,
        **given,
        **forged,
    }
    return ExternalAddress(TrustedProxies(trusted), mount=mount, behind_proxy=bool(trusted)).base_url(environ)


def test_it_is_what_the_client_asked_for() -> None:
    assert base_url() == "http://pkgs.lan:8080/"


def test_it_holds_the_mount_point_and_the_prefix_of_the_gateway() -> None:
    assert base_url(mount="/priv", SCRIPT_NAME="/outer") == "http://pkgs.lan:8080/outer/priv/"


def test_a_trusted_proxy_tells_what_it_was_asked_for() -> None:
    address = base_url(
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="other.example, pkgs.example",
        HTTP_X_FORWARDED_PREFIX="/python/",
    )

    assert address == "https://pkgs.example/python/"


@pytest.mark.parametrize(
    ("host", "prefix", "address"),
    [
        ("pkgs.example/priv", "", "http://pkgs.example/priv/"),
        ("pkgs.example:8443/priv/", "", "http://pkgs.example:8443/priv/"),
        ("pkgs.example/a/b-c/", "", "http://pkgs.example/a/b-c/"),
        ("pkgs.example/", "", "http://pkgs.example/"),
        ("evil.example/x, pkgs.example/priv", "", "http://pkgs.example/priv/"),
        ("pkgs.example/priv", "/other", "http://pkgs.example/other/"),
    ],
)
def test_the_host_may_come_with_the_prefix_behind_it(host: str, prefix: str, address: str) -> None:
    assert base_url(HTTP_X_FORWARDED_HOST=host, HTTP_X_FORWARDED_PREFIX=prefix) == address


def test_nobody_else_is_believed() -> None:
    address = base_url(peer="10.0.0.2", HTTP_X_FORWARDED_HOST="evil.example", HTTP_X_FORWARDED_PROTO="https")

    assert address == "http://pkgs.lan:8080/"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("HTTP_HOST", "a b"),
        ("HTTP_HOST", '"><script>'),
        ("HTTP_HOST", "x/../y"),
        ("HTTP_HOST", ""),
    ],
)
def test_a_host_that_is_none_is_replaced_by_our_own(header: str, value: str) -> None:
    assert base_url(forged={header: value}) == "http://server:80/"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("HTTP_X_FORWARDED_PROTO", "javascript"),
        ("HTTP_X_FORWARDED_HOST", "pkgs.example//evil.example"),
        ("HTTP_X_FORWARDED_HOST", 'pkgs.example/"onclick='),
        ("HTTP_X_FORWARDED_HOST", "/priv"),
        ("HTTP_X_FORWARDED_PREFIX", "//evil.example"),
        ("HTTP_X_FORWARDED_PREFIX", "/a\r\nb"),
        ("HTTP_X_FORWARDED_PREFIX", '/"onclick='),
    ],
)
def test_nonsense_of_a_trusted_proxy_is_left_out(header: str, value: str) -> None:
    assert base_url(forged={header: value}) == "http://pkgs.lan:8080/"


def test_only_what_is_read_is_a_part_of_the_replay_key() -> None:
    alone = ExternalAddress(TrustedProxies(()), mount="/", behind_proxy=False)
    behind = ExternalAddress(TrustedProxies(("10.0.0.1",)), mount="/", behind_proxy=True)

    assert "HTTP_X_FORWARDED_HOST" not in alone.uses
    assert {"HTTP_X_FORWARDED_HOST", "REMOTE_ADDR"} <= set(behind.uses)
