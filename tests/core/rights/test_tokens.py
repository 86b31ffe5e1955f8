from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Scope
from pypitool.core.rights.tokens import (
    LONGEST,
    LONGEST_NAME,
    PREFIX,
    Token,
    TokenRefused,
    checked_life,
    checked_name,
    checked_projects,
    checked_rights,
    hash_of,
    is_token,
    narrowed,
    token_of,
)

UPLOAD = frozenset({Right.UPLOAD})
CORE, OTHER = canonicalize_name("Acme.Core"), canonicalize_name("other")


def token(**more: object) -> Token:
    known = {"hash": hash_of("x"), "name": "ci", "projects": ("acme-*",), "may": UPLOAD, "created": "2026"}
    return Token(**{**known, **more})  # type: ignore[arg-type]


@given(st.binary(min_size=32, max_size=32))
def test_random_bytes_become_a_token_of_the_right_shape(entropy: bytes) -> None:
    made = token_of(entropy)

    assert len(made) == len(PREFIX) + 43
    assert is_token(made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        PREFIX + "a" * 42,
        PREFIX + "a" * 44,
        PREFIX + "a" * (LONGEST + 1),
        PREFIX + "a" * 42 + "+",
        PREFIX + "a" * 42 + "ä",
        PREFIX + "a" * 43 + "\n",
        " " + PREFIX + "a" * 43,
        PREFIX.upper() + "a" * 43,
    ],
)
def test_another_shape_is_no_token(text: str) -> None:
    assert not is_token(text)


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    assert is_token(PREFIX + text) in (True, False)


def test_the_id_is_the_beginning_of_the_hash() -> None:
    made = token_of(bytes(32))

    assert token(hash=hash_of(made)).id == hashlib.sha256(made.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("owner", "shown", "caller"),
    [
        (None, "ci", Caller("token:ci")),
        ("user:deploy", "deploy/ci", Caller("token:deploy/ci", on_behalf_of="user:deploy")),
        ("user:a:b", "a:b/ci", Caller("token:a:b/ci", on_behalf_of="user:a:b")),
        ("publisher:github", "ci", Caller("publisher:github")),
    ],
    ids=["service", "personal", "of a user from a header", "minted"],
)
def test_a_token_speaks_as_what_it_is(owner: str | None, shown: str, caller: Caller) -> None:
    of = token(owner=owner)

    assert of.shown == shown
    assert of.caller() == Caller(caller.who, False, of.scope, caller.on_behalf_of)


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    assert not token(expires="2027").has_ended("2026")
    assert token(expires="2027").has_ended("2027")
    assert token(revoked="2026").has_ended("2026")
    assert not token().has_ended("9999")


@pytest.mark.parametrize("name", ["a", "0", "ci-acme", "9-", "a" * LONGEST_NAME])
def test_a_name_of_a_token(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", "A", "ci_acme", "ci acme", "ci\n", "é", "a/b", "a" * (LONGEST_NAME + 1)]
)
def test_no_name_of_a_token(name: str) -> None:
    with pytest.raises(TokenRefused, match="is no name of a token") as caught:
        checked_name(name)

    assert caught.value.kind is Kind.USAGE


def test_rights_and_projects_are_checked() -> None:
    assert checked_rights(["Upload ", "yank"]) == {Right.UPLOAD, Right.YANK}
    assert checked_projects(["acme-*", "!acme-secret"]) == ("acme-*", "!acme-secret")
    for words in (["fly"], [], [""]):
        with pytest.raises(TokenRefused):
            checked_rights(words)
    for globs in (["!a"], [], ["a b"], ["a", ""], ["[ab]"]):
        with pytest.raises(TokenRefused):
            checked_projects(globs)


def test_a_scope_within_another_allows_what_both_allow() -> None:
    wide = Scope(frozenset({Right.ADMIN}), ProjectGlobs())
    acme = Scope(UPLOAD | {Right.YANK}, ProjectGlobs(("acme-*", "other")))
    later = Scope(UPLOAD, ProjectGlobs(("acme-*",)))

    both = narrowed(acme, later)

    assert narrowed(wide, acme) == Scope(acme.may, ProjectGlobs(within=acme.projects))
    assert narrowed(acme, acme) == acme
    assert both.allows(Right.UPLOAD, CORE)
    assert not both.allows(Right.YANK, CORE)
    assert not both.allows(Right.UPLOAD, OTHER)
    assert not narrowed(wide, acme).allows(Right.UPLOAD, None)
    assert narrowed(wide, wide).allows(Right.ADMIN, None)


@pytest.mark.parametrize(("text", "seconds"), [("90d", 7776000), ("1h30m", 5400), (" Never ", None)])
def test_how_long_a_token_is_good(text: str, seconds: float | None) -> None:
    assert checked_life(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "0s", "-1d", "3661d", "99999999w", "soon", "90d\x00", "d"])
def test_no_time_for_which_a_token_is_good(text: str) -> None:
    with pytest.raises(TokenRefused, match="expected a time such as"):
        checked_life(text)
