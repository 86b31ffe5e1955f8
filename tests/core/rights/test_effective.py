"""What a rights class may."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.rights.effective import Claim, NameSet, Standing
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Rule, Scope


def name(text: str) -> NormalizedName:
    return canonicalize_name(text)


CORE, WEB, OTHER = name("acme-core"), name("acme-web"), name("other")
UPLOADS_ACME = Scope(frozenset({Right.UPLOAD}), ProjectGlobs(("acme-*",)))


def rule(*may: Right, projects: tuple[str, ...] = ("*",)) -> Rule:
    return Rule(("anonymous",), frozenset(may), ProjectGlobs.of(projects))


@pytest.mark.parametrize(
    ("globs", "held", "not_held"),
    [
        (["*"], ["a", "acme-core"], []),
        (["Acme.Core"], ["acme-core"], ["acme", "acme-core-x"]),
        (["acme_*"], ["acme-core", "acme-"], ["acme", "xacme-core"]),
        (["*-internal", "lib?"], ["a-internal", "lib1"], ["a-internals", "lib", "lib12"]),
        (["[a]*"], ["[a]b"], ["ab"]),
        (["*", "!acme-*", "!secret"], ["other"], ["acme-core", "secret"]),
        ([], [], ["a"]),
    ],
)
def test_a_set_of_names_holds_what_its_globs_mean(
    globs: list[str], held: list[str], not_held: list[str]
) -> None:
    names = NameSet([ProjectGlobs.of(globs)])

    assert [one for one in held if not names.hold(NormalizedName(one))] == []
    assert [one for one in not_held if names.hold(NormalizedName(one))] == []
    assert names.everything is (globs == ["*"])
    assert names.is_empty is (globs == [])


def test_an_exception_takes_nothing_from_another_rule() -> None:
    names = NameSet([ProjectGlobs.of(["*", "!acme-*"]), ProjectGlobs.of(["acme-core"])])

    assert [one for one in (CORE, WEB, OTHER) if names.hold(one)] == [CORE, OTHER]
    assert not names.everything


def test_rights_of_rules_add_up_and_admin_is_all_of_them() -> None:
    standing = Standing([rule(Right.LIST), rule(Right.ADMIN, projects=("acme-*",))])

    assert {right for right in Right if standing.may(right, CORE)} == set(Right)
    assert {right for right in Right if standing.may(right, OTHER)} == {Right.LIST}
    assert standing.may(Right.LIST, None)
    assert not standing.may(Right.ADMIN, None)
    assert standing.may_some(Right.DELETE)
    assert not Standing([rule(Right.LIST)]).may_some(Right.DELETE)


def test_an_owner_may_all_but_overwrite_and_admin_there() -> None:
    standing = Standing(owned=frozenset({CORE}))

    assert {right for right in Right if standing.may(right, CORE)} == {
        Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.YANK, Right.DELETE,
    }  # fmt: skip
    assert not standing.may(Right.LIST, WEB)
    assert standing.may_some(Right.UPLOAD)
    assert not standing.may_some(Right.OVERWRITE)


def test_a_service_token_may_what_its_scope_says_and_what_rules_add() -> None:
    standing = Standing([rule(Right.LIST)], owned=frozenset({CORE, OTHER}), scope=UPLOADS_ACME)

    assert standing.may(Right.UPLOAD, WEB)
    assert standing.may(Right.LIST, OTHER)
    assert not standing.may(Right.UPLOAD, OTHER), "it stays inside its projects"
    assert standing.may(Right.YANK, CORE), "it owns this one"
    assert not standing.may(Right.YANK, WEB)


def test_a_personal_token_may_what_its_scope_says_and_its_owner_may() -> None:
    standing = Standing(
        [rule(Right.UPLOAD, Right.LIST, projects=("acme-core", "other"))], scope=UPLOADS_ACME, narrows=True
    )

    assert standing.may(Right.UPLOAD, CORE)
    assert not standing.may(Right.UPLOAD, WEB), "its owner may not"
    assert not standing.may(Right.UPLOAD, OTHER), "its scope does not hold it"
    assert not standing.may(Right.LIST, CORE)
    assert standing.may_some(Right.UPLOAD)
    assert not standing.may_some(Right.LIST)


def test_a_personal_token_claims_as_its_owner() -> None:
    personal = Caller("token:deploy/laptop", scope=UPLOADS_ACME, on_behalf_of="user:deploy")
    service = Caller("token:ci", scope=UPLOADS_ACME)

    assert Claim.of(personal) == Claim(Caller("user:deploy", has_password=True), UPLOADS_ACME, narrows=True)
    assert Claim.of(service) == Claim(service, UPLOADS_ACME)
