"""What our session sends is what requests would send; it only comes to it by a shorter way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth

from pypitool.upstream.lean_requests import LeanSession, place_of

PLAIN = "http://index.example:8080/simple/a-b/"
SCHEMES = ("http://", "https://", "HTTP://", "ftp://", "http:", "")
HOSTS = ("index.example", "Index.Example", "10.0.0.1", "[::1]", "user:pw@a", "*.a", ".a", "a_b", "a..b", "ö")
PORTS = ("", "", ":8080", ":80", ":080", ":x", ":")
PATHS = (
    *("/", "/", "/simple", "/a-b", "/a b", "/%41", "/%2B", "/..", "/.", "/.hidden", "/a.b", "/ö", "?q=1"),
    *("#f", "\\", "\t", "&=;,+$!*'()@:~_-", "."),
)  # fmt: skip
ADDRESSES = st.tuples(
    *map(st.sampled_from, (SCHEMES, HOSTS, PORTS)), st.lists(st.sampled_from(PATHS), max_size=6)
)


@pytest.fixture(autouse=True)
def nobodys_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


@pytest.mark.parametrize("auth", [None, HTTPBasicAuth(b"me", b"secret"), lambda request: request])
@pytest.mark.parametrize("headers", [{"Accept": "x/y", "Accept-Encoding": "identity"}, {"Range": "bytes=1-"}])
def test_a_plain_request_is_the_one_of_requests(headers: dict[str, str], auth: Any) -> None:
    request = requests.Request("GET", PLAIN, headers=headers, auth=auth)

    assert prepared(LeanSession(), request) == prepared(requests.Session(), request)


@given(ADDRESSES)
def test_any_address_is_the_one_of_requests(address: tuple[str, str, str, list[str]]) -> None:
    scheme, host, port, path = address
    request = requests.Request("GET", f"{scheme}{host}{port}{''.join(path)}")

    assert prepared(LeanSession(), request) == prepared(requests.Session(), request)


def test_an_upload_is_the_one_of_requests() -> None:
    request = requests.Request("POST", PLAIN, data=b"body", headers={"Content-Type": "x/y"})

    assert prepared(LeanSession(), request) == prepared(requests.Session(), request)


def test_cookies_are_sent_back() -> None:
    session = LeanSession()
    session.cookies.set("a", "b", domain="index.example", path="/")

    assert session.prepare_request(requests.Request("GET", PLAIN)).headers["Cookie"] == "a=b"


def test_the_password_of_netrc_is_sent_to_its_host_alone(nobodys_netrc: Path) -> None:
    nobodys_netrc.write_text("machine index.example login me password secret\n")
    session = LeanSession()

    here = session.prepare_request(requests.Request("GET", PLAIN))
    elsewhere = session.prepare_request(requests.Request("GET", "http://files.example/a"))

    assert here.headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in elsewhere.headers


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://a/b/c", "http://a"),
        ("https://a:1/b", "https://a:1"),
        ("http://a", "http://a"),
        ("http://b", "http://b"),
        ("https://a?x=/y", "https://a?x="),
    ],
)
def test_a_place_is_all_that_comes_before_the_path(url: str, place: str) -> None:
    assert place_of(url) == place


def prepared(session: requests.Session, request: requests.Request) -> object:
    try:
        made = session.prepare_request(request)
    except requests.RequestException as error:
        return type(error)
    headers = {name.lower(): value for name, value in made.headers.items()}
    return made.method, made.url, headers, made.body, made.hooks, getattr(made, "_cookies", None) is None
