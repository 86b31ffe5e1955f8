from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.rights.publishers import Claims, ClaimValue, Publisher, claims_seen, publisher_of
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import ProjectGlobs, Scope

ISSUER = "https://issuer.example"
SCOPE = Scope(frozenset({Right.UPLOAD}), ProjectGlobs())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def publisher(name: str = "a", issuer: str = ISSUER, **claims: tuple[ClaimValue, ...]) -> Publisher:
    return Publisher(name, issuer, tuple(claims.items()), ("*",), SCOPE, 900.0)


@pytest.mark.parametrize(
    ("wanted", "said", "matches"),
    [
        ("acme/core", "acme/core", True),
        ("acme/core", "acme/cores", False),
        ("acme/core", "Acme/core", False),
        ("acme/*", "acme/core/x\ny", True),
        ("*", "", True),
        ("refs/*/v*", "refs/tags/v1", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("?", "a", False),
        (True, True, True),
        (True, False, False),
        ("true", True, True),
        (True, "true", True),
        (7, 7, True),
        (7, "7", True),
        (7, 7.5, False),
        ("7", [7], False),
        ("[7]", [7], True),
        ("*", None, True),
        ("", None, False),
        (0, False, False),
        (1, True, False),
    ],
)
def test_a_claim_matches(wanted: ClaimValue, said: Any, matches: bool) -> None:
    assert publisher(x=(wanted,)).matches({"iss": ISSUER, "x": said}) is matches


def test_every_claim_must_match_and_any_of_several_values() -> None:
    one = publisher(repository=("acme/core",), ref=("main", "v*"))

    assert one.matches({"iss": ISSUER, "repository": "acme/core", "ref": "v1", "more": 1})
    assert not one.matches({"iss": ISSUER, "repository": "acme/core", "ref": "dev"})
    assert not one.matches({"iss": ISSUER, "repository": "acme/core"})
    assert not one.matches({"iss": f"{ISSUER}/", "repository": "acme/core", "ref": "v1"})


def test_the_first_that_matches_counts() -> None:
    wide, narrow = publisher("wide", x=("*",)), publisher("narrow", x=("y",))

    assert publisher_of([narrow, wide], {"iss": ISSUER, "x": "y"}) == narrow
    assert publisher_of([wide, narrow], {"iss": ISSUER, "x": "y"}) == wide
    assert publisher_of([narrow], {"iss": ISSUER, "x": "z"}) is None


def test_what_was_seen_is_told_as_far_as_it_matters() -> None:
    publishers = [publisher(ref=("main",), x=("y",)), publisher("b", "https://other.example", other=("z",))]
    claims = {"iss": ISSUER, "sub": "repo:acme", "ref": "a\nb" * 100, "secret": "s"}

    told = claims_seen(publishers, claims)

    assert told.startswith(f"iss = {ISSUER}, sub = repo:acme, ref = a\\nba")
    assert told.endswith("..., no x")


@given(claims=st.dictionaries(st.sampled_from(["iss", "sub", "x"]), JSON), wanted=st.text() | st.integers())
def test_any_claims_can_be_judged_and_told(claims: dict[str, Any], wanted: ClaimValue) -> None:
    one: Claims = (("x", (wanted,)),)

    assert isinstance(publisher().matches(claims), bool)
    assert Publisher("a", ISSUER, one, (), SCOPE, 1).matches({**claims, "iss": ISSUER}) in (True, False)
    assert claims_seen([publisher(x=("y",))], claims).isascii()
