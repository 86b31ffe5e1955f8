"""What requests to others carry, and where they do not go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.upload.credential_choice import Credentials
from pypitool.upstream.fetch_page import fetch_listing, fetch_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import (
    AddressRefused,
    NoSuchProject,
    NotAnIndexPage,
    UnusableCertificates,
    UpstreamUnavailable,
)
from tests.support.certificates import Authority
from tests.support.receiver import JSON_TYPE, Receiver, Reply, basic

A = canonicalize_name("a")
WHEEL = "a-1.0-py3-none-any.whl"


@pytest.fixture
def index() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.state.held[WHEEL] = b"wheel"
        yield receiver


def session(index: Receiver, **more: object) -> UpstreamSession:
    settings = {"retries": 0, **more}
    return UpstreamSession(Upstream("index", f"{index.root}simple/", **settings))  # type: ignore[arg-type]


def listed(session: UpstreamSession) -> list[str]:
    return [entry.filename for entry in fetch_listing(session, A).entries]


def test_a_user_and_a_password_are_sent_as_utf_8(index: Receiver) -> None:
    index.state.credentials = ("jörg", "pässwörd €")

    assert listed(session(index, credentials=Credentials("jörg", "pässwörd €"))) == [WHEEL]


def test_a_proxy_that_is_named_comes_before_that_of_the_environment(
    index: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    # The receiver knows no absolute addresses: its 404 says that it was asked as a proxy.
    through = UpstreamSession(Upstream("far", "http://far.invalid/simple/", retries=0, proxy=index.root))

    with pytest.raises(NoSuchProject):
        listed(through)


def test_a_certificate_that_is_not_trusted_is_not_tried_again(authority: Authority) -> None:
    with Receiver(authority) as index:
        index.state.held[WHEEL] = b"wheel"
        asking = session(index, retries=5)

        with pytest.raises(UpstreamUnavailable, match="certificate verify failed"):
            listed(asking)

        assert asking.requests == 1
        assert listed(session(index, ca=authority.ca)) == [WHEEL]


@pytest.mark.parametrize("key", ["ca", "client_cert"])
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "text"])
def test_certificates_that_cannot_be_used_are_named(
    index: Receiver, tmp_path: Path, key: str, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(UnusableCertificates, match=r"ca\.pem cannot be used"):
        session(index, **{key: file})


def test_an_index_that_sends_elsewhere_does_not_hold_the_project(index: Receiver) -> None:
    with Receiver() as other:
        other.state.held[WHEEL] = b"wheel"
        index.state.page = Reply(302, headers={"Location": f"{other.root}simple/a/"})

        with pytest.raises(NoSuchProject, match="redirects to another one"):
            listed(session(index))

        assert other.state.pages_asked == []


def test_a_redirect_within_the_index_is_followed(index: Receiver) -> None:
    index.state.page = Reply(301, headers={"Location": "../a-moved/"})

    with pytest.raises(NoSuchProject):
        # It moves for ever; it is asked a bounded number of times.
        listed(session(index))

    assert set(index.state.pages_asked) == {"a", "a-moved"}
    assert len(index.state.pages_asked) == 11


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON_TYPE, b'{"meta": {"api-version": "1.0"}, "name": "a", "files": []}'),
        ("text/html", b'<html><head><meta name="pypi:repository-version" content="1.0"></head></html>'),
    ],
    ids=["json", "html"],
)
def test_a_project_without_files_is_a_page(index: Receiver, content_type: str, body: bytes) -> None:
    index.state.page = Reply(200, body=body, headers={"Content-Type": content_type})

    assert listed(session(index)) == []


@pytest.mark.parametrize(
    "body", [b"<html><p>Welcome</p></html>", b'<html><a href="/login">Log in</a></html>']
)
def test_a_portal_is_no_page(index: Receiver, body: bytes) -> None:
    index.state.page = Reply(200, body=body, headers={"Content-Type": "text/html"})

    with pytest.raises(NotAnIndexPage):
        listed(session(index))


def test_the_receiver_writes_credentials_as_clients_do() -> None:
    assert basic("a", "b") == "Basic YTpi"


def test_no_hop_leads_from_https_to_http_not_even_between_two_of_https(
    index: Receiver, authority: Authority
) -> None:
    with Receiver(authority) as secure:
        secure.state.page = Reply(302, headers={"Location": f"{index.root}simple/a/"})
        index.state.page = Reply(302, headers={"Location": f"{secure.root}simple/b/"})

        with pytest.raises(AddressRefused, match="which is not https"):
            listed_anywhere(session(secure, ca=authority.ca))

        assert index.state.pages_asked == []
        assert secure.state.pages_asked == ["a"]


def listed_anywhere(session: UpstreamSession) -> object:
    return fetch_page(session, A)
