from __future__ import annotations

from ipaddress import ip_network

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import (
    Caller,
    ProjectGlobs,
    Rule,
    Rulebook,
    Scope,
    expand_groups,
    has_right,
    rights_in,
    rule_names,
)

CORE, OTHER = canonicalize_name("Acme.Core"), canonicalize_name("other")
DEPLOY = Caller("user:deploy", has_password=True)
CI = Caller("token:ci-acme", scope=Scope(frozenset({Right.UPLOAD}), ProjectGlobs(("acme-*",))))
LAPTOP = Caller("token:deploy/laptop", on_behalf_of="user:deploy")
NOBODY = Caller()


def rule(*who: str, may: tuple[Right, ...] = (Right.LIST,), **more: object) -> Rule:
    return Rule(who, frozenset(may), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "caller", "named"),
    [
        ("anonymous", NOBODY, True),
        ("anonymous", DEPLOY, True),
        ("anonymous", CI, True),
        ("authenticated", DEPLOY, True),
        ("authenticated", NOBODY, False),
        ("authenticated", CI, False),
        ("deploy", DEPLOY, True),
        ("user:deploy", DEPLOY, True),
        ("dep*", DEPLOY, False),
        ("Deploy", DEPLOY, False),
        ("deploy", Caller("token:deploy"), False),
        ("token:ci-*", CI, True),
        ("token:*", CI, True),
        ("token:web-*", CI, False),
        ("token:*", LAPTOP, False),
        ("publisher:github-*", Caller("publisher:github-acme"), True),
        ("publisher:*", CI, False),
        ("deploy", NOBODY, False),
    ],
)
def test_a_rule_names_who_it_says(word: str, caller: Caller, named: bool) -> None:
    assert rule_names(rule(word), caller) is named


def test_rules_add_up_and_none_takes_away() -> None:
    book = Rulebook((rule("anonymous"), rule("deploy", may=(Right.UPLOAD, Right.YANK))))

    speaking = book.speaking(DEPLOY, "10.0.0.1")

    assert rights_in(speaking, book, CORE) == {Right.LIST, Right.UPLOAD, Right.YANK}
    assert rights_in(book.speaking(NOBODY, "10.0.0.1"), book, CORE) == {Right.LIST}


def test_projects_are_globs_of_normalised_names_and_exceptions_of_one_rule() -> None:
    book = Rulebook((
        rule("deploy", may=(Right.UPLOAD,), projects=ProjectGlobs.of(["*", "!ACME_*"])),
        rule("deploy", may=(Right.YANK,), projects=ProjectGlobs.of(["acme.*"])),
    ))  # fmt: skip
    speaking = book.speaking(DEPLOY, "")

    assert book.grants(speaking, Right.UPLOAD, OTHER) == (0,)
    assert book.grants(speaking, Right.UPLOAD, CORE) == ()
    assert book.grants(speaking, Right.YANK, CORE) == (1,)


@pytest.mark.parametrize(
    ("address", "speaks"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.168.0.1", False),
        ("fd00::1", True),
        ("", False),
        ("unknown", False),
    ],
)
def test_a_rule_with_an_address_speaks_there_alone(address: str, speaks: bool) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    book = Rulebook((rule("anonymous", networks=networks),))

    assert (book.speaking(NOBODY, address) == {0}) is speaks


def test_admin_is_all_rights_and_of_everything_only_with_every_project() -> None:
    book = Rulebook((
        rule("root", may=(Right.ADMIN,)),
        rule("lead", may=(Right.ADMIN,), projects=ProjectGlobs(("acme-*",))),
    ))  # fmt: skip
    root = book.speaking(Caller("user:root", has_password=True), "")
    lead = book.speaking(Caller("user:lead", has_password=True), "")

    assert rights_in(root, book, OTHER) == set(Right)
    assert book.grants(root, Right.ADMIN, None) == (0,)
    assert book.grants(lead, Right.ADMIN, None) == ()
    assert book.grants(lead, Right.DELETE, CORE) == (1,)
    assert has_right({Right.ADMIN}, Right.UPLOAD)


def test_a_scope_only_narrows() -> None:
    scope = Scope(frozenset({Right.UPLOAD}), ProjectGlobs.of(["acme-*"]))

    assert scope.allows(Right.UPLOAD, CORE)
    assert not scope.allows(Right.UPLOAD, OTHER)
    assert not scope.allows(Right.YANK, CORE)
    assert not scope.allows(Right.UPLOAD, None)


def test_groups_are_spelled_out_and_hold_groups() -> None:
    groups = {"data": ["ann", "@night"], "night": ["token:ci-*", "ann"]}

    assert expand_groups(["@data", "bob"], groups) == ("ann", "token:ci-*", "bob")
