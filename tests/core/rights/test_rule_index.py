"""The index of who is named answers as the rules themselves do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.rights.effective import RuleIndex
from pypitool.core.rights.rulebook import Caller, Rule, Rulebook

WORDS = [
    "anonymous", "authenticated", "ann", "user:ann", "bob", "user:bob", "token:ci", "token:ci-*", "token:*",
    "token:c?", "publisher:ci", "publisher:*", "group:ann", "ann*", "user:", "token:[c]i",
]  # fmt: skip
CALLERS = [
    Caller(), Caller(has_password=True), Caller("user:ann", has_password=True), Caller("user:bob"),
    Caller("user:ann*", has_password=True), Caller("token:ci"), Caller("token:ci-acme"), Caller("token:[c]i"),
    Caller("token:ann/laptop", on_behalf_of="user:ann"), Caller("publisher:ci"), Caller("group:ann"),
    Caller("user:anonymous", has_password=True), Caller("user:token:ci"),
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), max_size=6), st.sampled_from(CALLERS))
def test_the_index_finds_the_rules_that_name_a_caller(who: list[list[str]], caller: Caller) -> None:
    rules = tuple(Rule(tuple(words), frozenset()) for words in who)

    assert RuleIndex(rules).of(caller) == Rulebook(rules).naming(caller)
