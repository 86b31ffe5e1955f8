"""What a rights class may."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.rights.effective import EffectiveRights, NameSet, RightsBasis
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
    effective = EffectiveRights([rule(Right.LIST), rule(Right.ADMIN, projects=("acme-*",))])

    assert {right for right in Right if effective.may(right, CORE)} == set(Right)
    assert {right for right in Right if effective.may(right, OTHER)} == {Right.LIST}
    assert effective.may(Right.LIST, None)
    assert not effective.may(Right.ADMIN, None)
    assert effective.may_some(Right.DELETE)
    assert not EffectiveRights([rule(Right.LIST)]).may_some(Right.DELETE)


def test_an_owner_may_all_but_overwrite_and_admin_there() -> None:
    effective = EffectiveRights(owned=frozenset({CORE}))

    assert {right for right in Right if effective.may(right, CORE)} == {
        Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.YANK, Right.DELETE,
    }  # fmt: skip
    assert not effective.may(Right.LIST, WEB)
    assert effective.may_some(Right.UPLOAD)
    assert not effective.may_some(Right.OVERWRITE)


def test_a_service_token_may_what_its_scope_says_and_what_rules_add() -> None:
    effective = EffectiveRights([rule(Right.LIST)], owned=frozenset({CORE, OTHER}), scope=UPLOADS_ACME)

    assert effective.may(Right.UPLOAD, WEB)
    assert effective.may(Right.LIST, OTHER)
    assert not effective.may(Right.UPLOAD, OTHER), "it stays inside its projects"
    assert effective.may(Right.YANK, CORE), "it owns this one"
    assert not effective.may(Right.YANK, WEB)


def test_a_personal_token_may_what_its_scope_says_and_its_owner_may() -> None:
    effective = EffectiveRights(
        [rule(Right.UPLOAD, Right.LIST, projects=("acme-core", "other"))], scope=UPLOADS_ACME, narrows=True
    )

    assert effective.may(Right.UPLOAD, CORE)
    assert not effective.may(Right.UPLOAD, WEB), "its owner may not"
    assert not effective.may(Right.UPLOAD, OTHER), "its scope does not hold it"
    assert not effective.may(Right.LIST, CORE)
    assert effective.may_some(Right.UPLOAD)
    assert not effective.may_some(Right.LIST)


def test_a_personal_token_claims_as_its_owner() -> None:
    personal = Caller("token:deploy/laptop", scope=UPLOADS_ACME, on_behalf_of="user:deploy")
    service = Caller("token:ci", scope=UPLOADS_ACME)

    assert RightsBasis.of(personal) == RightsBasis(
        Caller("user:deploy", has_password=True), UPLOADS_ACME, narrows=True
    )
    assert RightsBasis.of(service) == RightsBasis(service, UPLOADS_ACME)
