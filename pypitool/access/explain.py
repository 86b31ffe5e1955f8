"""Why somebody may do something, or may not: each rule that names them, and what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from packaging.utils import NormalizedName

from pypitool.access.rules import GROUP, Rules, Upload
from pypitool.catalogue.catalogue import Reader
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.names import matches, normalize
from pypitool.core.rights.effective import OWNER_RIGHTS, EffectiveRights, RightsBasis
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, WHO_KINDS, Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Rule, Scope, has_right
from pypitool.core.rights.tokens import Token
from pypitool.core.text import printable

EVERYTHING = "*"
_GLOB = set("*?")


class NobodyNamed(PypitoolError):
    """A word that does not name one somebody."""

    kind = Kind.USAGE
    hint = "name one: NAME, user:NAME, @GROUP, token:NAME, publisher:NAME, authenticated or anonymous"
    word: str

    def __str__(self) -> str:
        return f"`{printable(self.word)}` names nobody, or several"


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """Whether somebody may do something with a project, at an address."""

    who: str  # as it is shown
    caller: Caller
    action: Right
    project: NormalizedName | None  # None: with everything, what is to come included
    address: str = ""
    ended: str | None = None  # since when and why nobody acts so: the token is dead
    by_admin: bool = True  # who else asks is shown no globs but those that hold the project


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the answer depends on besides the rules."""

    owners: tuple[str, ...] = ()
    is_new: bool = False
    overwrites: bool = False  # the server runs with `overwrite`


@dataclass(frozen=True, slots=True)
class Reason:
    """What one rule said, or what counts besides the rules."""

    speaks: bool
    reason: str
    rule: int | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, and why."""

    question: AccessQuestion
    may: bool
    because: tuple[Reason, ...]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        because: list[dict[str, Any]] = [
            {"rule": one.rule, "line": one.line, "speaks": one.speaks, "reason": one.reason}
            for one in self.because
        ]
        if self.question.ended is not None:
            because = [{"speaks": False, "reason": self.question.ended}]
        return {
            "may": self.may,
            "who": self.question.who,
            "action": self.question.action.value,
            "project": self.question.project or EVERYTHING,
            "because": because,
        }


def question(who: str, action: Right, project: str, address: str) -> AccessQuestion:
    """Return a question in the words of a command line."""
    shown, caller = _named(who.strip())
    return AccessQuestion(
        shown, caller, action, None if project == EVERYTHING else normalize(project), address
    )


def recognised(
    asked: AccessQuestion,
    rules: Rules,
    tokens: Iterable[Token],
    *,
    now: str,
    is_user: Callable[[str], bool],
) -> AccessQuestion:
    """Return the question about who acts under its name: by a token that is alive, or as a publisher."""
    for publisher in rules.publishers:
        if asked.who == f"publisher:{publisher.name}":
            return replace(asked, caller=replace(asked.caller, scope=publisher.scope))
    named = [token for token in tokens if asked.who.startswith("token:") and token.who == asked.who]
    ends = [token.why_dead(now, is_user) for token in named]
    if not named:
        return asked  # rules may name it before it is made
    chosen = ends.index(None) if None in ends else -1
    return replace(asked, caller=named[chosen].caller(), ended=ends[chosen])


def circumstances(asked: AccessQuestion, catalogue: Reader, *, overwrites: bool) -> Circumstances:
    """Return what the catalogue knows that matters."""
    if asked.project is None:
        return Circumstances(overwrites=overwrites)
    owners = catalogue.owners(asked.project)
    return Circumstances(owners, not owners and not catalogue.holds(asked.project), overwrites)


def explain(rules: Rules, asked: AccessQuestion, around: Circumstances) -> Explanation:
    """Answer a question as the server would."""
    if asked.ended is not None:
        return Explanation(asked, False, (Reason(False, asked.ended),))
    basis = RightsBasis.of(asked.caller)
    named = rules.book.naming(basis.subject)
    heard = rules.book.heard(named, asked.address)
    owns = basis.subject.who in around.owners and asked.project is not None
    owned = frozenset([asked.project] if owns and asked.project is not None else [])
    speaking = (rules.book.rules[number] for number in heard)
    effective = EffectiveRights(speaking, owned=owned, scope=basis.scope, narrows=basis.narrows)
    reasons = [
        *(_of_rule(rules, number, asked, is_heard=number in heard) for number in named),
        *([_of_owner(asked)] if owns else []),
        *([_of_scope(basis.scope, asked)] if basis.scope is not None else []),
        *_of_newness(rules, basis, asked, around),
        *_of_overwriting(asked, around),
    ]
    return Explanation(asked, _answer(rules, basis, effective, asked, around), tuple(reasons))


def _named(word: str) -> tuple[str, Caller]:
    if _GLOB & set(word):
        raise NobodyNamed(word)
    if word == ANONYMOUS:
        return word, Caller()
    if word == AUTHENTICATED:
        return word, Caller(has_password=True)
    if word.startswith("@"):
        if word == "@":
            raise NobodyNamed(word)
        return word, Caller(f"{GROUP}:{word[1:]}")
    kind, colon, name = word.partition(":")
    if not colon:
        kind, name = "user", word
    if kind not in WHO_KINDS or not name:
        raise NobodyNamed(word)
    return f"{kind}:{name}", Caller(f"{kind}:{name}", has_password=kind == "user")


def _answer(
    rules: Rules, basis: RightsBasis, effective: EffectiveRights, asked: AccessQuestion, around: Circumstances
) -> bool:
    if asked.action is Right.OVERWRITE and not around.overwrites:
        return False
    if asked.project is None or asked.action not in (Right.UPLOAD, Right.OVERWRITE):
        return effective.may(asked.action, asked.project)
    uploads = rules.judge_upload(basis, effective, asked.project, lambda: around.is_new) is Upload.ALLOWED
    return uploads and (asked.action is Right.UPLOAD or effective.may(asked.action, asked.project))


def _of_rule(rules: Rules, number: int, asked: AccessQuestion, *, is_heard: bool) -> Reason:
    rule = rules.book.rules[number]
    silent = _silence(rule, asked, is_heard=is_heard)
    reason = silent or f"projects {_shown(rule.projects, asked)}"
    if rules.is_short:
        reason = f"short form: {', '.join(rule.who)} may {_rights(rule.may)}"
    return Reason(not silent, reason, number + 1, rule.line)


def _silence(rule: Rule, asked: AccessQuestion, *, is_heard: bool) -> str:
    """Say why a rule that names somebody does not let them; nothing, if it does."""
    if not is_heard:
        networks = ", ".join(map(str, rule.networks))
        return f"from {networks} only" + (f", not from {asked.address}" if asked.address else "")
    if not has_right(rule.may, asked.action):
        return f"may {_rights(rule.may)} only"
    held = rule.projects.hold_everything() if asked.project is None else rule.projects.hold(asked.project)
    if held:
        return ""
    return f"projects {rule.projects} only" if asked.by_admin else "not for this project"


def _shown(globs: ProjectGlobs, asked: AccessQuestion) -> str:
    """Write globs down: to who is no admin those that hold the project, the others would tell of more."""
    if asked.by_admin:
        return str(globs)
    project = asked.project
    if project is None:
        return EVERYTHING if globs.hold_everything() else ""
    return " ".join(glob for glob in globs.taken if globs.hold(project) and matches(project, [glob]))


def _of_owner(asked: AccessQuestion) -> Reason:
    return Reason(asked.action in OWNER_RIGHTS, f"owner: may {_rights(OWNER_RIGHTS)} there")


def _of_scope(scope: Scope, asked: AccessQuestion) -> Reason:
    allowed = scope.allows(asked.action, asked.project)
    on = _shown(scope.projects, asked)
    return Reason(allowed, f"scope: {_rights(scope.may)}{f' on {on}' if on else ', not for this project'}")


def _of_newness(
    rules: Rules, basis: RightsBasis, asked: AccessQuestion, around: Circumstances
) -> Iterator[Reason]:
    newcomers = rules.new_projects
    if not around.is_new or newcomers is None or asked.action not in (Right.UPLOAD, Right.OVERWRITE):
        return
    yield Reason(newcomers.include(basis.subject), f"new project: {newcomers} may upload it")


def _of_overwriting(asked: AccessQuestion, around: Circumstances) -> Iterator[Reason]:
    if asked.action is Right.OVERWRITE and not around.overwrites:
        yield Reason(False, "overwrite is not on: the server lets no upload replace a file")


def _rights(may: Iterable[Right]) -> str:
    held = set(may)
    return ", ".join(right.value for right in Right if right in held)
