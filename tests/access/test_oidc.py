"""What a token of an issuer has to be before it proves anything."""

from __future__ import annotations

import base64
import json
import time
from pathlib import PurePath
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pypitool.access.oidc import LARGEST_TOKEN, TokenRejected, prove, read_keys
from pypitool.core.rights.publishers import Publisher
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import ProjectGlobs, Scope
from tests.support.certificates import Authority
from tests.support.issuer import Issuer, ec_key, rsa_key

HERE = "pypi.acme.example"


@pytest.fixture(scope="module")
def issuer(authority: Authority) -> Issuer:
    """An issuer that nobody asks: its keys are known."""
    made = Issuer(authority)
    made._server.server_close()
    made.keys["second"] = ec_key()
    return made


class Held:
    """The keys of an issuer, and who asked for them."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.keys = read_keys(list(documents))
        self.asked: list[str] = []

    def find(self, issuer: str, ca: PurePath | None, kid: str) -> jwt.PyJWK | None:
        self.asked.append(kid)
        return self.keys.get(kid)


def publishers(issuer: Issuer) -> list[Publisher]:
    scope = Scope(frozenset({Right.UPLOAD}), ProjectGlobs())
    return [
        Publisher("a", url, (("sub", ("*",)),), ("*",), scope, 900.0) for url in (issuer.url, "https://b")
    ]


def held(issuer: Issuer) -> Held:
    return Held(*(issuer.jwk(kid) for kid in issuer.keys))


def rejection(issuer: Issuer, token: str, keys: Held | None = None) -> str:
    with pytest.raises(TokenRejected) as caught:
        prove(token, HERE, publishers(issuer), keys or held(issuer))
    assert len(token) < 20 or token not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("kid", ["first", "second"], ids=["RS256", "ES256"])
@pytest.mark.parametrize("audience", [HERE, [HERE], ["other", HERE]], ids=str)
def test_a_right_token_proves_its_claims(issuer: Issuer, kid: str, audience: Any) -> None:
    token = issuer.sign(kid=kid, aud=audience, sub="repo:acme", jti="one")

    proven = prove(token, HERE, publishers(issuer), held(issuer))

    assert proven.claims["sub"] == "repo:acme"
    assert proven.identity == f"{issuer.url}\0one"
    assert proven.ends >= proven.claims["exp"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"aud": "other"}, "not meant for this server"),
        ({"aud": []}, "not meant for this server"),
        ({"aud": None}, "not meant for this server"),
        ({"aud": {HERE: 1}}, "not meant for this server"),
        ({"aud": HERE.upper()}, "not meant for this server"),
        ({"aud": [HERE, 7]}, "not well formed"),
        ({"iss": "https://other.example"}, "issuer is not known"),
        ({"iss": None}, "issuer is not known"),
        ({"iss": ["https://b"]}, "issuer is not known"),
        ({"exp": -61}, "has expired"),
        ({"iat": 100}, "from the future"),
        ({"nbf": 100}, "from the future"),
        ({"exp": 3700, "iat": 0}, "longer than an hour"),
        ({"iat": -3500, "exp": 200}, "longer than an hour"),
    ],
    ids=str,
)
def test_a_token_for_others_or_of_another_time_is_rejected(
    issuer: Issuer, said: dict[str, Any], reason: str
) -> None:
    now = int(time.time())
    moments = {name: now + value for name, value in said.items() if name in ("exp", "iat", "nbf")}

    assert reason in rejection(issuer, issuer.sign(**{"aud": HERE, **said, **moments}))


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("value", ["soon", "1", True, [], {}, -1, 1e300, 2**70, float("inf"), float("nan")])
def test_moments_that_are_none_are_rejected(issuer: Issuer, name: str, value: Any) -> None:
    assert rejection(issuer, issuer.sign(aud=HERE, **{name: value}))


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat"])
def test_what_is_needed_has_to_be_there(issuer: Issuer, name: str) -> None:
    assert rejection(issuer, issuer.sign(aud=HERE, without=(name,)))


@pytest.mark.parametrize("said", [{"sub": 7}, {"jti": 7}], ids=str)
def test_claims_of_other_types_are_rejected(issuer: Issuer, said: dict[str, Any]) -> None:
    assert "not well formed" in rejection(issuer, issuer.sign(aud=HERE, **said))


def test_two_clocks_may_differ_by_a_minute(issuer: Issuer) -> None:
    now = int(time.time())

    moments: list[dict[str, Any]] = [{"iat": now + 55}, {"nbf": now + 55}, {"exp": now - 55}]
    for said in moments:
        assert prove(issuer.sign(aud=HERE, **said), HERE, publishers(issuer), held(issuer))


def test_nobody_is_asked_for_keys_of_a_stranger(issuer: Issuer) -> None:
    keys = held(issuer)

    rejection(issuer, issuer.sign(aud="other"), keys)
    rejection(issuer, issuer.sign(aud=HERE, iss="https://evil.example"), keys)
    rejection(issuer, issuer.sign(aud=HERE, alg="RS512"), keys)

    assert keys.asked == []


def segment(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def unsigned(issuer: Issuer, header: dict[str, Any], signature: str = "") -> str:
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": HERE, "iat": now, "exp": now + 60}
    return f"{segment(header)}.{segment(claims)}.{signature}"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, 7, "HS256", "RS512", "ES384", "PS256"]
)
def test_an_unsigned_or_oddly_signed_token_is_rejected(issuer: Issuer, algorithm: Any) -> None:
    for signature in ("", "AAAA"):
        assert rejection(issuer, unsigned(issuer, {"alg": algorithm, "kid": "first"}, signature))


def test_a_public_key_is_no_secret(issuer: Issuer) -> None:
    import hashlib
    import hmac

    public = json.dumps(issuer.jwk("first")).encode()
    signed = unsigned(issuer, {"alg": "HS256", "kid": "first"}).removesuffix(".")
    mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()

    assert rejection(issuer, f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def test_a_token_that_another_key_has_signed_is_rejected(issuer: Issuer) -> None:
    assert "signature is wrong" in rejection(issuer, issuer.sign(key=rsa_key(), aud=HERE))
    assert "key that its issuer does not have" in rejection(
        issuer, issuer.sign(kid="third", key=rsa_key(), aud=HERE)
    )
    assert "not signed as its key is for" in rejection(
        issuer, issuer.sign(kid="first", key=ec_key(), aud=HERE)
    )


def test_a_changed_claim_is_noticed(issuer: Issuer) -> None:
    header, _, signature = issuer.sign(aud=HERE).split(".")
    _, claims, _ = issuer.sign(aud=HERE, sub="somebody else").split(".")

    assert "signature is wrong" in rejection(issuer, f"{header}.{claims}.{signature}")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"kid": 7}], ids=str)
def test_a_header_that_asks_for_more_is_rejected(issuer: Issuer, header: dict[str, Any]) -> None:
    token = unsigned(issuer, {"alg": "RS256", "kid": "first", **header}, "AAAA")

    assert rejection(issuer, token)


def test_a_key_that_the_token_brings_along_does_not_count(issuer: Issuer) -> None:
    own = rsa_key()
    issuer.keys["own"] = own
    brought = issuer.jwk("own")
    del issuer.keys["own"]

    token = issuer.sign(
        kid="first", key=own, aud=HERE, header={"jwk": brought, "jku": "https://evil.example"}
    )

    assert "signature is wrong" in rejection(issuer, token)


def test_a_token_that_is_too_long_is_rejected(issuer: Issuer) -> None:
    assert "longer than" in rejection(issuer, issuer.sign(aud=HERE, sub="x" * LARGEST_TOKEN))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b.c", "a.b", "ä.b.c", "\ud800.b.c", "[" * 9000 + ".."]
)
def test_what_is_no_token_is_rejected(issuer: Issuer, text: str) -> None:
    assert "no JSON Web Token" in rejection(issuer, text)


@pytest.mark.parametrize("which", ["header", "claims"])
def test_deep_documents_are_rejected(issuer: Issuer, which: str) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    header = segment({"alg": "RS256", "kid": "first"})

    assert rejection(issuer, f"{deep}.{deep}.AA" if which == "header" else f"{header}.{deep}.AA")


def test_without_a_jti_what_is_signed_is_what_it_is_known_by(issuer: Issuer) -> None:
    now = int(time.time())
    said: dict[str, Any] = {"aud": HERE, "sub": "x", "iat": now, "exp": now + 60, "nbf": 0}
    tokens = [issuer.sign(kid="second", without=("jti",), **said) for _ in range(2)]

    first, second = (prove(token, HERE, publishers(issuer), held(issuer)) for token in tokens)

    # ES256 signs with a random number: two signatures of the same are two texts.
    assert tokens[0] != tokens[1]
    assert first.identity == second.identity


def test_an_issuer_with_one_key_may_leave_out_its_name(issuer: Issuer) -> None:
    key = issuer.jwk("first")
    del key["kid"]
    token = jwt.encode(
        {"iss": issuer.url, "aud": HERE, "iat": time.time(), "exp": time.time() + 60},
        issuer.keys["first"],
        "RS256",
    )

    assert prove(token, HERE, publishers(issuer), Held(key))


def test_keys_for_other_things_are_passed_over(issuer: Issuer) -> None:
    weak, other_curve = rsa_key(1024), ec.generate_private_key(ec.SECP384R1())
    issuer.keys.update(weak=weak)
    documents = [
        issuer.jwk("first"),
        {**issuer.jwk("first"), "kid": "a", "use": "enc"},
        {**issuer.jwk("first"), "kid": "b", "alg": "RS512"},
        {**issuer.jwk("first"), "kid": "c", "d": "AAAA"},
        {**issuer.jwk("first"), "kid": "d", "n": "!"},
        {**issuer.jwk("first"), "kid": "e", "n": 7},
        {**issuer.jwk("first"), "kid": "f", "n": ""},
        {**issuer.jwk("second"), "kid": "g", "crv": "P-384"},
        {**issuer.jwk("second"), "kid": "h", "x": "AAAA"},
        {"kty": "oct", "kid": "i", "k": "AAAA"},
        {"kty": "OKP", "kid": "j", "crv": "Ed25519", "x": "AAAA"},
        issuer.jwk("weak"),
        {},
        7,
        None,
        [],
    ]
    del issuer.keys["weak"]

    assert list(read_keys(documents)) == ["first"]
    assert other_curve.curve.name == "secp384r1"


@given(st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "x", "y", "crv", "alg", "use"]),
       st.none() | st.text() | st.integers() | st.sampled_from(["RSA", "EC", "AQAB", "P-256"]))))  # fmt: skip
def test_any_set_of_keys_can_be_read(documents: list[Any]) -> None:
    assert isinstance(read_keys(documents), dict)


@given(text=st.text(max_size=300) | st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(
       lambda parts: ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)))  # fmt: skip
def test_any_text_is_rejected_in_words(issuer: Issuer, text: str) -> None:
    with pytest.raises(TokenRejected):
        prove(text, HERE, publishers(issuer), Held())
