"""Upstreams that fail: which failures are tried again, what is said of them, and what never is."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import suppress

import pytest
from packaging.utils import canonicalize_name

from pypitool.upstream.fetch_page import UpstreamPage, fetch_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import CutShort, Unreachable, Untrusted, UpstreamUnavailable
from tests.support.certificates import Authority
from tests.support.receiver import Receiver
from tests.support.stalling import nobodys_port
from tests.support.upstream import (
    JSON_TYPE,
    Action,
    Answer,
    FakeUpstream,
    Handler,
    Offer,
    reset,
    respond,
    truncate,
)

A = canonicalize_name("a")
WHEEL = "a-1.0-py3-none-any.whl"


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers["a"] = [Offer(WHEEL, b"wheel")]
        yield upstream


def session(url: str, told: list[str] | None = None, **settings: object) -> UpstreamSession:
    settings = {"retries": 1, **settings}
    upstream = Upstream("fake", url, **settings)  # type: ignore[arg-type]
    return UpstreamSession(upstream, tell=(told if told is not None else []).append)


def names(session: UpstreamSession) -> list[str]:
    page = fetch_page(session, A)
    assert isinstance(page, UpstreamPage)
    return [candidate.filename for candidate in page.candidates]


def packed(upto: int | None = None) -> Action:
    """Pack the body, and send the beginning of that as if it were all."""

    def act(handler: Handler, answer: Answer) -> None:
        headers = {**answer.headers, "Content-Encoding": "gzip"}
        handler.send(Answer(answer.status, headers, gzip.compress(answer.body)[:upto]))

    return act


@pytest.mark.parametrize("fault", [truncate(60), packed(-10), reset()], ids=["length", "gzip", "reset"])
def test_a_page_that_breaks_off_is_asked_for_again(fake: FakeUpstream, fault: Action) -> None:
    fake.fail("^/simple/a/", fault, times=1)

    assert names(session(fake.url)) == [WHEEL]
    assert fake.paths() == ["/simple/a/"] * 2


def test_a_page_that_breaks_off_each_time_is_never_believed(fake: FakeUpstream) -> None:
    fake.index.offers["a"] += [Offer(f"a-{number}.0-py3-none-any.whl", b"wheel") for number in range(2, 9)]
    fake.index.dialect = fake.index.dialect.__class__(json=False)
    fake.fail("^/simple/a/", packed(-20))

    with pytest.raises(CutShort, match="cut short"):
        names(session(fake.url))


def test_a_packed_page_is_read(fake: FakeUpstream) -> None:
    fake.fail("^/simple/a/", packed())

    assert names(session(fake.url)) == [WHEEL]
    assert fake.seen[0].headers["Accept-Encoding"] == "gzip"


def test_a_page_that_is_packed_otherwise_is_refused(fake: FakeUpstream) -> None:
    fake.fail("^/simple/a/", respond(200, body=b"...", Content_Type=JSON_TYPE, Content_Encoding="br"))

    with pytest.raises(UpstreamUnavailable, match="packed as `br`, which nobody asked for"):
        names(session(fake.url))


def test_each_wait_is_told_once(fake: FakeUpstream) -> None:
    fake.fail("^/simple/", respond(503), times=1)
    told: list[str] = []

    names(session(fake.url, told, retries=5))

    assert told == [f"{fake.url}a/: it answers 503; trying again in 0.5 s (1 of 5)"]


def test_where_nobody_listens_the_index_is_named() -> None:
    url, told = f"http://127.0.0.1:{nobodys_port()}/simple/", list[str]()

    with pytest.raises(Unreachable, match="connection refused"):
        names(session(url, told))

    assert told == [f"{url}: connection refused; trying again in 0.5 s (1 of 1)"]


def test_a_server_without_tls_is_not_tried_again(fake: FakeUpstream) -> None:
    told: list[str] = []
    asking = session(fake.url.replace("http://", "https://"), told, retries=5)

    with pytest.raises(Unreachable, match=r"does not speak TLS; is its address one of http\?"):
        names(asking)

    assert (asking.requests, told) == (1, [])


def test_a_certificate_of_an_unknown_authority_comes_with_the_remedy(authority: Authority) -> None:
    with Receiver(authority) as index, pytest.raises(Untrusted, match="certificate verify failed") as failed:
        names(session(f"{index.root}simple/"))

    assert "`--ca FILE`" in (failed.value.hint or "")


@pytest.mark.parametrize("index", ["http://far.invalid/simple/", "https://far.invalid/simple/"])
def test_a_proxy_that_refuses_is_named_without_its_password(index: str) -> None:
    port = nobodys_port()
    asking = session(index, retries=0, proxy=f"http://ann:secret@127.0.0.1:{port}/")

    with pytest.raises(Unreachable) as failed:
        names(asking)

    assert failed.value.reason == f"the proxy http://127.0.0.1:{port}/: connection refused"


def without_end(begin: bytes, unit: bytes) -> Action:
    """Send something of which no reader sees anything, as long as anybody takes it."""

    def act(handler: Handler, answer: Answer) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(begin)
            while True:
                handler.wfile.write(unit)

    return act


@pytest.mark.parametrize(
    "fault",
    [
        without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000),
        without_end(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"A: b\r\n" * 10_000,
        ),
        without_end(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1" * 65536),
        without_end(b"HTTP/1.1 200 OK\r\n\r\n", b"<br>" * 16384),
    ],
    ids=["interim-answers", "trailers", "length-of-a-chunk", "body"],
)
def test_an_answer_without_end_is_ended(fake: FakeUpstream, fault: Action) -> None:
    fake.fail("^/simple/a/", fault)
    asking = session(fake.url, retries=0)

    with pytest.raises(UpstreamUnavailable):
        asking.read(f"{fake.url}a/", {}, 1000)
