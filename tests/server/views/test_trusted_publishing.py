"""A CI shows what its provider says of it, and is given a token for a few minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from pypitool.core.rights.tokens import hash_of, is_token
from pypitool.repository.tokens import find, listed, revoke
from tests.server.access.test_token_login import ROOT, ask, bearer, upload
from tests.server.house import House, make_house
from tests.support.certificates import Authority
from tests.support.issuer import CONFIGURATION, KEYS, Issuer, rsa_key

HERE = "pypi.acme.example"
MINT, AUDIENCE = "/_/oidc/mint-token", "/_/oidc/audience"
CORE = "/simple/acme-core/"
RULES = '[[rule]]\nwho = ["ann"]\nmay = ["list"]\n'


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[Issuer]:
    with Issuer(authority) as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    """An issuer as if it had been started for this test alone."""
    running.requests.clear()
    running.instead.clear()
    running.keys = {"first": running.keys["first"]}
    return running


def publisher(issuer: Issuer, name: str, claims: str, projects: str = "acme-core", more: str = "") -> str:
    return (
        f'[[publisher]]\nname = "{name}"\nissuer = "{issuer.url}"\nca = "{issuer.ca}"\n'
        f'claims = {claims}\nprojects = ["{projects}"]\n{more}\n'
    )


def rules(issuer: Issuer) -> str:
    return (
        RULES
        + publisher(issuer, "main", '{ repository = "acme/core", ref = ["main", "v*"] }')
        + publisher(issuer, "other", '{ repository = "acme/*" }', "other", 'may = ["list"]\nexpires = "1h"')
    )


@pytest.fixture
def house(tmp_path: Path, issuer: Issuer) -> Iterator[House]:
    with (made := make_house(tmp_path, rules(issuer), more=f'oidc-audience = "{HERE}"')).repository:
        yield made
        made.parts.access.close()


def mint(house: House, token: object) -> TestResponse:
    return post(house, json.dumps({"token": token}).encode())


def post(house: House, body: bytes, **environ: Any) -> TestResponse:
    environ = {"REMOTE_ADDR": "192.0.2.1", **environ}
    return house.client.post(MINT, data=body, content_type="application/json", environ_overrides=environ)


def signed(issuer: Issuer, **said: Any) -> str:
    return issuer.sign(
        **{"aud": HERE, "sub": "repo:acme/core", "repository": "acme/core", "ref": "v1", **said}
    )


def code(answer: TestResponse) -> tuple[int, str]:
    document = answer.get_json()
    assert document["message"] == "token request failed"
    (fault,) = document["errors"]
    assert fault["description"]
    return answer.status_code, fault["code"]


def test_the_audience_is_told(house: House) -> None:
    answer = house.get(AUDIENCE)

    assert answer.get_json() == {"audience": HERE}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_proof_is_turned_into_a_token_for_minutes(house: House, issuer: Issuer) -> None:
    began = time.time()

    answer = mint(house, signed(issuer))

    document = answer.get_json()
    assert answer.status_code == 200
    assert document.keys() == {"success", "token", "expires"}
    assert document["success"] is True
    assert is_token(document["token"])
    assert began + 899 <= document["expires"] <= time.time() + 900
    assert upload(house, document["token"]).status_code == 200
    assert upload(house, document["token"], "acme-secret").status_code == 403
    assert issuer.requests == [CONFIGURATION, KEYS]


def test_minting_and_uploading_are_on_record(house: House, issuer: Issuer) -> None:
    secret = mint(house, signed(issuer, jti="one")).get_json()["token"]
    upload(house, secret)

    token_id = hash_of(secret)[:12]
    minted, uploaded = house.facts
    assert minted == {
        "what": "token-mint",
        "who": "publisher:main",
        "from": "192.0.2.1",
        "with": "oidc",
        "id": token_id,
        "iss": issuer.url,
        "sub": "repo:acme/core",
        "jti": "one",
        "expires": minted["expires"],
    }
    assert (uploaded["who"], uploaded["with"]) == ("publisher:main", f"token:{token_id}")
    assert hash_of(secret) not in house.repository.facts.path.read_text()


def test_the_first_publisher_that_matches_counts(house: House, issuer: Issuer) -> None:
    main = mint(house, signed(issuer)).get_json()["token"]
    other = mint(house, signed(issuer, ref="dev")).get_json()["token"]

    owners = {one.token.owner for one in listed(house.repository)}
    assert owners == {"publisher:main", "publisher:other"}
    assert [ask(house, "/simple/other/", bearer(secret)).status_code for secret in (main, other)] == [
        404,
        200,
    ]


def test_a_minted_token_can_be_revoked(house: House, issuer: Issuer) -> None:
    secret = mint(house, signed(issuer)).get_json()["token"]

    revoke(house.repository, find(house.repository, hash_of(secret)[:12]), ROOT)

    assert upload(house, secret).status_code == 401
    (one,) = listed(house.repository)
    assert one.token.revoked is not None


def test_a_publisher_that_is_taken_out_stops_its_tokens(house: House, issuer: Issuer) -> None:
    secret = mint(house, signed(issuer, ref="dev")).get_json()["token"]
    access = house.parts.access
    for _ in range(3):
        assert ask(house, "/simple/other/", bearer(secret)).status_code == 200
    assert house.replayed[-1]

    access.adopt(replace(access.rules, publishers=access.rules.publishers[:1]))

    assert ask(house, "/simple/other/", bearer(secret)).status_code == 401


def test_a_proof_is_good_for_one_token(house: House, issuer: Issuer) -> None:
    proof = signed(issuer)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: mint(house, proof), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, *[422] * 3]
    assert {code(answer) for answer in answers if answer.status_code == 422} == {(422, "invalid-reuse-token")}
    assert code(mint(house, proof)) == (422, "invalid-reuse-token")
    assert len(listed(house.repository)) == 1
    assert mint(house, signed(issuer)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"token": null}',
        b'{"token": ""}',
        b'{"token": 7}',
        b'{"token": ["x"]}',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"token": "' + b"x" * 1_000_000 + b'"}',
    ],
    ids=["nothing", "cut", "list", "number", "null", "none", "null token", "empty token", "number token",
         "list token", "no text", "deep", "a megabyte"],
)  # fmt: skip
def test_a_body_without_a_token_is_told_so(house: House, body: bytes) -> None:
    assert code(post(house, body)) == (422, "invalid-payload")


def test_a_body_that_is_cut_is_told_so(house: House) -> None:
    assert code(post(house, b'{"token": "x"}', CONTENT_LENGTH="100")) == (422, "invalid-payload")


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "other"},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"iat": 2**33, "exp": 2**33 + 60},
        {"sub": "x" * 17_000},
        {"key": "another"},
        {"kid": "another"},
    ],
    ids=["audience", "issuer", "expired", "future", "long", "signature", "key"],
)
def test_a_token_that_proves_nothing_is_invalid(house: House, issuer: Issuer, said: dict[str, Any]) -> None:
    if "kid" in said or "key" in said:
        said = {**said, "key": rsa_key()}
    token = signed(issuer, **said)

    answer = mint(house, token)

    assert code(answer) == (422, "invalid-token")
    assert token not in answer.text


def test_an_unsigned_token_is_invalid(house: House, issuer: Issuer) -> None:
    _, claims, _ = signed(issuer).split(".")

    for header in ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIiwia2lkIjoiZmlyc3QifQ"):
        assert code(mint(house, f"{header}.{claims}.")) == (422, "invalid-token")


def test_who_matches_nobody_is_told_what_was_seen(house: House, issuer: Issuer) -> None:
    token = signed(issuer, repository="evil/core", secret="hidden")

    answer = mint(house, token)

    assert code(answer) == (422, "invalid-publisher")
    assert "repository = evil/core" in answer.text
    assert "sub = repo:acme/core" in answer.text
    assert "hidden" not in answer.text
    assert token not in answer.text
    # It was not used up: after the configuration is right, it is good.
    assert code(mint(house, token)) == (422, "invalid-publisher")


def test_an_issuer_that_is_away_is_503_with_a_time_to_come_back(house: House, issuer: Issuer) -> None:
    issuer.instead[KEYS] = lambda: (500, {}, b"")

    answer = mint(house, signed(issuer))

    assert code(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_failures_slow_down_who_tries_the_same_again(house: House, issuer: Issuer) -> None:
    bad = signed(issuer, exp=1)

    answers = [mint(house, bad).status_code for _ in range(7)]

    assert answers[:5] == [422] * 5
    assert answers[-1] == 429
    # A good one from that address is not kept waiting for it.
    assert mint(house, signed(issuer)).status_code == 200


def test_many_failures_slow_down_an_address(house: House, issuer: Issuer) -> None:
    statuses = [mint(house, f"a.b.{number}").status_code for number in range(52)]

    assert statuses[-1] == 429
    answer = mint(house, signed(issuer))
    assert code(answer) == (429, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_without_a_publisher_there_is_nothing(tmp_path: Path) -> None:
    for more in ("", f'oidc-audience = "{HERE}"'):
        folder = tmp_path / f"house{len(more)}"
        folder.mkdir()
        with (house := make_house(folder, RULES, more=more)).repository:
            assert house.get(AUDIENCE).status_code == 404
            assert post(house, b'{"token": "x"}').status_code == 404


def test_both_lie_at_the_root_wherever_the_server_is_mounted(tmp_path: Path, issuer: Issuer) -> None:
    text = f'oidc-audience = "{HERE}"\n[server]\nserver-base-url = "/pypi"'

    with (house := make_house(tmp_path, rules(issuer), more=text)).repository:
        assert house.get(AUDIENCE).get_json() == {"audience": HERE}
        assert mint(house, signed(issuer)).status_code == 200
        assert house.get(f"/pypi{AUDIENCE}").status_code == 404


def test_other_methods_are_refused(house: House) -> None:
    assert house.client.get(MINT).status_code == 405
    assert house.client.post(AUDIENCE).status_code == 405


def test_a_server_that_changes_nothing_mints_nothing(tmp_path: Path, issuer: Issuer) -> None:
    text = f'oidc-audience = "{HERE}"\n[server]\nread-only = true'

    with (house := make_house(tmp_path, rules(issuer), more=text)).repository:
        answer = mint(house, signed(issuer))

    assert code(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "600"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=300)
    | st.builds(lambda token: json.dumps({"token": token}).encode(), st.text(max_size=300))
    | st.builds(
        lambda parts: json.dumps({"token": ".".join(parts)}).encode(),
        st.lists(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789-_=.", max_size=80), min_size=2),
    )
)
def test_no_body_at_all_brings_the_server_to_fall(house: House, body: bytes) -> None:
    answer = post(house, body, REMOTE_ADDR="")

    assert answer.status_code in (422, 429)
