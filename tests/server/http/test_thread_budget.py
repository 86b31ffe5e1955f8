"""The budget of threads: who makes a thread wait takes a place, and nobody has all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from werkzeug.test import TestResponse

from pypitool.core.thread_shares import Work
from pypitool.repository.repository import Repository
from pypitool_server.http.thread_budget import Pool, PoolFull, ThreadBudget
from tests.server.site import Site, make_site

THREADS = 32  # two for small bodies: one address has one of them
CALL = b"<methodCall><methodName>search</methodName></methodCall>"


class Slow:
    """A body whose sender lets the server wait: what happens meanwhile is what a test asks for."""

    def __init__(self, body: bytes, meanwhile: Callable[[], None]) -> None:
        self._body = body
        self._meanwhile = meanwhile

    def read(self, size: int = -1) -> bytes:
        body, self._body = self._body, b""
        if body:
            self._meanwhile()
        return body


@pytest.fixture
def small(repository: Repository) -> Site:
    return make_site(repository, threads=THREADS)


def send(
    site: Site,
    path: str,
    body: bytes,
    kind: str,
    address: str,
    meanwhile: Callable[[], None],
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    """Post a body, and do something while the server waits for it."""
    return site.client.post(
        path,
        content_type=kind,
        headers=headers,
        environ_overrides={
            "REMOTE_ADDR": address,
            "wsgi.input": Slow(body, meanwhile),
            "CONTENT_LENGTH": str(len(body)),
        },
    )


def test_a_call_of_xml_that_does_not_end_leaves_the_other_threads_alone(small: Site) -> None:
    answers = []

    def meanwhile() -> None:
        answers.append(send(small, "/RPC2", CALL, "text/xml", "192.0.2.1", lambda: None))
        answers.append(small.get("/simple/acme-core/"))

    first = send(small, "/RPC2", CALL, "text/xml", "192.0.2.1", meanwhile)

    assert [answer.status_code for answer in (first, *answers)] == [200, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_another_address_gets_in_beside_it(small: Site) -> None:
    answers = []

    def meanwhile() -> None:
        answers.append(send(small, "/RPC2", CALL, "text/xml", "192.0.2.2", lambda: None))

    send(small, "/RPC2", CALL, "text/xml", "192.0.2.1", meanwhile)

    assert [answer.status_code for answer in answers] == [200]


def test_a_trusted_proxy_is_not_the_one_who_is_counted(repository: Repository) -> None:
    site = make_site(repository, threads=THREADS, trusted_proxies=("192.0.2.1",))
    answers = []

    def call(client: str, meanwhile: Callable[[], None] = lambda: None) -> TestResponse:
        return send(site, "/RPC2", CALL, "text/xml", "192.0.2.1", meanwhile, {"X-Forwarded-For": client})

    call("198.51.100.1", lambda: answers.extend([call("198.51.100.2"), call("198.51.100.1")]))

    assert [answer.status_code for answer in answers] == [200, 503]


def test_a_place_is_given_back_once() -> None:
    pool = Pool(Work.SENDING, 1)
    place = pool.take("192.0.2.1")

    place.give()
    place.give()

    with pool.take("192.0.2.1"), pytest.raises(PoolFull, match="too many downloads at once"):
        pool.take("192.0.2.2")


def test_a_whole_network_of_ipv6_is_one_holder() -> None:
    pool = Pool(Work.SENDING, 4)
    for number in range(3):
        pool.take(f"2001:db8::{number}")

    with pytest.raises(PoolFull):
        pool.take("2001:db8::ffff")
    pool.take("2001:db8:0:1::1")


def test_each_kind_of_work_has_a_pool_of_its_own() -> None:
    budget = ThreadBudget(8)
    budget.small.take("192.0.2.1")

    for pool in (budget.sending, budget.receiving, budget.passwords, budget.upstreams):
        pool.take("192.0.2.1").give()
