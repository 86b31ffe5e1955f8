"""Rights classes: who may the same shares one, tokens and owners have their own."""

from __future__ import annotations

from ipaddress import ip_network

from packaging.utils import NormalizedName

from pypitool.access.rules import Rules
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Rule, Rulebook, Scope
from pypitool_server.access.rights_cache import MOST_REMEMBERED, NOBODY, RightsClasses

CORE, OTHER = normalize("acme-core"), normalize("other")
ACME = ProjectGlobs(("acme-*",))
UPLOADS_ACME = Scope(frozenset({Right.UPLOAD}), ACME)


def user(name: str) -> Caller:
    return Caller(f"user:{name}", has_password=True)


def rule(*who: str, may: tuple[Right, ...] = (Right.LIST,), **more: object) -> Rule:
    return Rule(who, frozenset(may), **more)  # type: ignore[arg-type]


class Owners:
    """Who owns what, and how often that was asked."""

    def __init__(self, **owned: frozenset[NormalizedName]) -> None:
        self.owned = {f"user:{name}": projects for name, projects in owned.items()}
        self.asked: list[str] = []

    def __call__(self, who: str) -> frozenset[NormalizedName]:
        self.asked.append(who)
        return self.owned.get(who, frozenset())


def classes(*rules: Rule, owners: Owners | None = None) -> RightsClasses:
    return RightsClasses(Rules(Rulebook(rules)), owners or Owners())


def test_callers_for_whom_the_same_rules_speak_are_one_class() -> None:
    made = classes(rule("ann", "bob"), rule("carol", projects=ACME))

    ann, bob, carol, eve, nobody = (
        made.of(caller).at("") for caller in (*map(user, ("ann", "bob", "carol", "eve")), NOBODY)
    )

    assert ann[0] is bob[0]
    assert eve[0] is nobody[0]
    assert len({ann[0], carol[0], eve[0]}) == 3
    assert (ann[1], nobody[1]) == ("ann", None)


def test_an_address_is_asked_for_only_where_a_rule_about_the_caller_does() -> None:
    made = classes(rule("ann"), rule("bob", networks=(ip_network("10.0.0.0/8"),)))
    ann, bob = made.of(user("ann")), made.of(user("bob"))

    inside, outside = bob.at("10.0.0.1")[0], bob.at("192.0.2.1")[0]

    assert ann.always is not None
    assert bob.always is None
    assert inside.may(Right.LIST, OTHER)
    assert not outside.may(Right.LIST, OTHER)
    assert bob.at("10.0.0.2")[0] is inside


def test_an_owner_has_a_class_that_is_made_anew_when_owners_change() -> None:
    owners = Owners(ann=frozenset({CORE}))
    made = classes(rule("anonymous"), owners=owners)
    owning, other = made.of(user("ann")).at("")[0], made.of(user("bob")).at("")[0]

    del owners.owned["user:ann"]
    remembered = made.of(user("ann")).at("")[0]
    made.forget_owners()
    after = made.of(user("ann")).at("")[0]

    assert owning.may(Right.DELETE, CORE)
    assert remembered is owning
    assert after is other
    assert owners.asked == ["user:ann", "user:bob", "user:ann"]


def test_owners_that_change_while_they_are_read_are_not_remembered() -> None:
    class Changing(Owners):
        def __call__(self, who: str) -> frozenset[NormalizedName]:
            read = super().__call__(who)
            if len(self.asked) == 1:
                made.forget_owners()  # another thread has heard of a change
            return read

    owners = Changing(ann=frozenset({CORE}))
    made = classes(owners=owners)
    made.of(user("ann"))

    made.of(user("ann"))

    assert owners.asked == ["user:ann", "user:ann"]


def test_a_personal_token_is_judged_by_the_rules_and_projects_of_its_owner() -> None:
    owners = Owners(deploy=frozenset({normalize("acme-owned")}))
    projects = ProjectGlobs(("acme-core", "other"))
    made = classes(rule("deploy", may=(Right.UPLOAD, Right.LIST), projects=projects), owners=owners)
    personal = Caller("token:deploy/laptop", scope=UPLOADS_ACME, on_behalf_of="user:deploy")

    effective, shown = made.of(personal).at("")

    assert shown == "token:deploy/laptop"
    assert effective.may(Right.UPLOAD, CORE)
    assert effective.may(Right.UPLOAD, normalize("acme-owned"))
    assert not effective.may(Right.UPLOAD, OTHER)
    assert not effective.may(Right.LIST, CORE)
    assert owners.asked == ["user:deploy"]


def test_a_service_token_has_its_scope_and_what_rules_add() -> None:
    made = classes(rule("token:ci-*", may=(Right.YANK,)), rule("authenticated", may=(Right.DELETE,)))
    service = Caller("token:ci-acme", scope=UPLOADS_ACME)

    effective, _ = made.of(service).at("")

    assert effective.may(Right.UPLOAD, CORE)
    assert effective.may(Right.YANK, OTHER)
    assert not effective.may(Right.UPLOAD, OTHER)
    assert not effective.may(Right.DELETE, CORE), "a token is not `authenticated`"


def test_what_is_remembered_is_bounded() -> None:
    made = classes(rule("anonymous", networks=(ip_network("10.0.0.0/8"),)))
    rights = made.of(NOBODY)

    for number in range(2 * MOST_REMEMBERED):
        made.of(user(str(number)))
        rights.at(f"10.0.{number // 256}.{number % 256}")

    assert made._callers.cache_info().currsize <= MOST_REMEMBERED
    assert rights._at.cache_info().currsize <= MOST_REMEMBERED
