"""The keys of an issuer: fetched with care, kept for an hour, asked for again once a minute."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import pytest

from pypitool.access import issuers
from pypitool.access.issuers import IssuerKeys, IssuerUnavailable, fetch_keys
from pypitool.core.errors import Kind
from tests.support.certificates import Authority
from tests.support.issuer import CONFIGURATION, KEYS, Issuer, as_json
from tests.support.waiting import LONGEST

HOUR = 3600.0


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Away:
    """An issuer that is asked for its keys, and perhaps is not there."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.is_away = False
        self.asked = 0

    def __call__(self, issuer: str, ca: PurePath | None) -> list[Any]:
        self.asked += 1
        if self.is_away:
            raise IssuerUnavailable(issuer, "nobody is there")
        return list(self.names)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def named(names: list[Any]) -> Mapping[str, str]:
    return {name: f"key {name}" for name in names}


def keys_of(issuer: Away, clock: Clock) -> IssuerKeys[str]:
    return IssuerKeys(named, fetch=issuer, clock=clock)


def find(keys: IssuerKeys[str], kid: str) -> str | None:
    return keys.find("https://issuer.example", None, kid)


def test_keys_are_kept_for_an_hour(clock: Clock) -> None:
    issuer = Away("a")
    keys = keys_of(issuer, clock)

    found = [find(keys, "a") for _ in range(5)]
    clock.now += HOUR - 1
    find(keys, "a")
    assert (set(found), issuer.asked) == ({"key a"}, 1)

    clock.now += 2
    find(keys, "a")
    assert issuer.asked == 2


def test_an_unknown_name_asks_again_once_a_minute(clock: Clock) -> None:
    issuer = Away("a")
    keys = keys_of(issuer, clock)
    find(keys, "a")
    issuer.names.append("b")

    assert [find(keys, "b") for _ in range(5)] == [None] * 5
    assert issuer.asked == 1
    clock.now += 61
    assert find(keys, "b") == "key b"
    assert [find(keys, "c") for _ in range(5)] == [None] * 5
    assert issuer.asked == 2


def test_the_old_keys_serve_for_a_day_where_the_issuer_is_away(clock: Clock) -> None:
    issuer = Away("a")
    keys = keys_of(issuer, clock)
    find(keys, "a")
    issuer.is_away = True

    clock.now += 2 * HOUR
    assert [find(keys, "a") for _ in range(5)] == ["key a"] * 5
    assert issuer.asked == 2
    clock.now += 21 * HOUR
    assert find(keys, "a") == "key a"
    clock.now += 2 * HOUR
    with pytest.raises(IssuerUnavailable, match="nobody is there"):
        find(keys, "a")


def test_of_a_new_key_nobody_can_tell_while_the_issuer_is_away(clock: Clock) -> None:
    issuer = Away("a")
    keys = keys_of(issuer, clock)
    find(keys, "a")
    issuer.is_away = True
    clock.now += 61

    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            find(keys, "b")

    assert issuer.asked == 2
    assert find(keys, "a") == "key a"


def test_an_issuer_that_comes_back_is_heard_soon(clock: Clock) -> None:
    issuer = Away("a")
    issuer.is_away = True
    keys = keys_of(issuer, clock)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            find(keys, "a")
    issuer.is_away = False
    clock.now += 2

    assert issuer.asked == 1
    assert find(keys, "a") == "key a"


def test_a_key_that_the_issuer_took_back_is_gone_after_an_hour(clock: Clock) -> None:
    issuer = Away("a")
    keys = keys_of(issuer, clock)
    find(keys, "a")
    issuer.names[:] = ["b"]
    clock.now += HOUR + 1

    assert find(keys, "a") is None


def test_one_asks_for_all_who_wait(clock: Clock) -> None:
    asked = threading.Semaphore(0)
    answered = threading.Event()

    def fetch(issuer: str, ca: PurePath | None) -> list[Any]:
        asked.release()
        assert answered.wait(LONGEST)
        return ["a"]

    keys = IssuerKeys(named, fetch=fetch, clock=clock)
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(find(keys, "a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert asked.acquire(timeout=LONGEST)
    answered.set()
    for thread in threads:
        thread.join()

    assert found == ["key a"] * 8
    assert not asked.acquire(blocking=False)


@pytest.fixture
def issuer(authority: Authority) -> Iterator[Issuer]:
    with Issuer(authority) as issuer:
        yield issuer


def refusal(issuer: Issuer, **more: Any) -> str:
    with pytest.raises(IssuerUnavailable) as caught:
        fetch_keys(issuer.url, more.get("ca", issuer.ca))
    assert caught.value.kind is Kind.UNAVAILABLE
    return caught.value.reason


def test_keys_are_fetched_from_where_the_issuer_says(issuer: Issuer) -> None:
    assert fetch_keys(issuer.url, issuer.ca) == [issuer.jwk("first")]
    assert issuer.requests == [CONFIGURATION, KEYS]


def test_an_issuer_may_have_a_path_and_a_slash_at_its_end(authority: Authority) -> None:
    with Issuer(authority, path="/oidc/") as issuer:
        assert fetch_keys(issuer.url, issuer.ca) == [issuer.jwk("first")]
        assert issuer.requests == ["/oidc" + CONFIGURATION, "/oidc" + KEYS]


def test_only_its_own_authority_is_trusted_and_only_if_it_is_named(issuer: Issuer) -> None:
    assert "certificate verify failed" in refusal(issuer, ca=None).lower()
    assert issuer.requests == []


def test_a_redirect_is_not_followed(issuer: Issuer) -> None:
    issuer.instead[CONFIGURATION] = lambda: (302, {"Location": f"{issuer.url}/elsewhere"}, b"")

    assert "answers 302" in refusal(issuer)
    assert issuer.requests == [CONFIGURATION]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"jwks_uri": "https://x/"}, "it says that it is None"),
        ({"issuer": "https://other.example", "jwks_uri": "https://x/"}, "it says that it is https://other"),
        ({"issuer": "", "jwks_uri": "http://127.0.0.1/keys"}, "its jwks_uri is no https address"),
        ({"issuer": "", "jwks_uri": "file:///etc/passwd"}, "its jwks_uri is no https address"),
        ({"issuer": "", "jwks_uri": "https://[::"}, "its jwks_uri is no https address"),
        ({"issuer": "", "jwks_uri": 7}, "its jwks_uri is no https address"),
        ({"issuer": ""}, "its jwks_uri is no https address"),
        ([], "is no JSON object"),
    ],
    ids=str,
)
def test_a_configuration_that_is_not_right_is_refused(issuer: Issuer, document: Any, reason: str) -> None:
    if isinstance(document, dict) and document.get("issuer") == "":
        document = {**document, "issuer": issuer.url}
    issuer.instead[CONFIGURATION] = lambda: as_json(document)

    assert reason in refusal(issuer)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "has no keys"),
        (b'{"keys": {}}', "has no keys"),
        (b"x" * (issuers.LARGEST + 1), "is longer than"),
    ],
    ids=["no JSON", "no text", "deep", "no keys", "no list", "long"],
)
def test_keys_that_are_none_are_refused(issuer: Issuer, body: bytes, reason: str) -> None:
    issuer.instead[KEYS] = lambda: (200, {}, body)

    assert reason in refusal(issuer)


def test_a_server_error_and_a_cut_answer_are_refused(issuer: Issuer) -> None:
    issuer.instead[KEYS] = lambda: (500, {}, b"")
    assert "answers 500" in refusal(issuer)
    issuer.instead[KEYS] = lambda: (200, {"Content-Length": "100"}, b'{"keys": []}')
    assert "is cut short" in refusal(issuer)


def test_a_silent_issuer_is_not_waited_for(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(issuers, "SECONDS", 0.2)

    def silence() -> tuple[int, dict[str, str], bytes]:
        ended.wait(LONGEST)
        return 200, {}, b""

    issuer.instead[CONFIGURATION] = silence

    reason = refusal(issuer)
    ended.set()

    assert "timed out" in reason


def test_an_issuer_that_is_not_there_and_a_bundle_that_is_none_are_told(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Issuer(authority) as gone:
        pass
    empty = tmp_path_factory.mktemp("empty") / "none.pem"

    assert "refused" in refusal(gone).lower()
    assert "its `ca` cannot be used" in refusal(gone, ca=empty)
