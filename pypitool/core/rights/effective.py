"""What somebody may, once it is known which rules speak: one value for all who may the same.

Globs and the people that rules name are held in sets and an index, so that a thousand rules are asked about
a name in a microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.names import glob_pattern
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Rule, Scope, glob_of_names, has_right

# What an owner has on its project, whatever the rules say.
OWNER_RIGHTS = frozenset({Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.YANK, Right.DELETE})


@dataclass(frozen=True, slots=True)
class RightsBasis:
    """Whose rules and projects count for a caller, and how a token changes that."""

    subject: Caller
    scope: Scope | None = None
    narrows: bool = False  # a personal token: its scope and what its owner may, instead of either

    @classmethod
    def of(cls, caller: Caller) -> RightsBasis:
        """Return what a caller claims: a personal token asks for its owner."""
        if caller.on_behalf_of is None:
            return cls(caller, caller.scope)
        return cls(Caller(caller.on_behalf_of, has_password=True), caller.scope, narrows=True)

    def reaches(self, project: NormalizedName) -> bool:
        """Tell whether a project that is to be begun lies within the scope of a token."""
        if self.scope is None:
            return True
        if self.narrows:
            return self.scope.allows(Right.UPLOAD, project)
        return self.scope.projects.hold(project)


class EffectiveRights:
    """What one rights class may: the rules that speak, the projects that it owns, the scope of a token."""

    __slots__ = ("_by_right", "_owned", "_rules", "_scope", "narrows")

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        owned: frozenset[NormalizedName] = frozenset(),
        scope: Scope | None = None,
        narrows: bool = False,
    ) -> None:
        self._rules = tuple(rules)
        self._scope = scope
        self.narrows = narrows
        # A service token owns what it has made, and stays inside its projects all the same.
        stays = scope is not None and not narrows
        self._owned = frozenset(filter(scope.projects.hold, owned)) if stays and scope else owned
        self._by_right: dict[Right, NameSet] = {}

    def may(self, right: Right, project: NormalizedName | None) -> bool:
        """Tell whether a right on a project is there; None is a right on all, those to come included."""
        if self._scope is None:
            return self._holds(right, project)
        if self.narrows:
            return self._scope.allows(right, project) and self._holds(right, project)
        return self._scope.allows(right, project) or self._holds(right, project)

    def may_some(self, right: Right) -> bool:
        """Tell whether there is any project at all on which a right could be there."""
        ruled = not self._names(right).is_empty or (right in OWNER_RIGHTS and bool(self._owned))
        if self._scope is None:
            return ruled
        scoped = has_right(self._scope.may, right)
        return (scoped and ruled) if self.narrows else (scoped or ruled)

    def _holds(self, right: Right, project: NormalizedName | None) -> bool:
        names = self._names(right)
        if project is None:
            return names.everything
        return names.hold(project) or (project in self._owned and right in OWNER_RIGHTS)

    def _names(self, right: Right) -> NameSet:
        names = self._by_right.get(right)
        if names is None:
            names = NameSet(rule.projects for rule in self._rules if has_right(rule.may, right))
            self._by_right[right] = names
        return names


_WILD = re.compile(r"[*?]")
_PREFIX = re.compile(r"[^*?]*\*")


class NameSet:
    """The names that at least one of several globs means."""

    __slots__ = ("_exact", "_lengths", "_others", "_prefixes", "_with_exceptions", "everything")

    def __init__(self, several: Iterable[ProjectGlobs]) -> None:
        plain: set[str] = set()
        self._with_exceptions: list[tuple[NameSet, NameSet]] = []
        for globs in several:
            if globs.left_out:
                own = NameSet([ProjectGlobs(globs.taken)]), NameSet([ProjectGlobs(globs.left_out)])
                self._with_exceptions.append(own)
            else:
                plain.update(canonicalize_name(glob) for glob in globs.taken)
        self.everything = "*" in plain  # those names included that nobody has thought of
        self._exact = frozenset(glob for glob in plain if not _WILD.search(glob))
        # Most globs are `acme-*`: a look into a set, where an expression would be tried one by one.
        self._prefixes = frozenset(glob[:-1] for glob in plain if _PREFIX.fullmatch(glob))
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        rest = sorted(plain - self._exact - {f"{prefix}*" for prefix in self._prefixes})
        self._others = re.compile("|".join(translate(glob_pattern(glob)) for glob in rest)) if rest else None

    @property
    def is_empty(self) -> bool:
        """Whether no name at all is meant."""
        return not (self._exact or self._prefixes or self._others or self._with_exceptions)

    def hold(self, name: NormalizedName) -> bool:
        """Tell whether a name is meant."""
        if self.everything or name in self._exact:
            return True
        if any(name[:length] in self._prefixes for length in self._lengths):
            return True
        if self._others is not None and self._others.match(name):
            return True
        return any(taken.hold(name) and not out.hold(name) for taken, out in self._with_exceptions)


USER = "user"


class RuleIndex:
    """Answers as `rulebook.names` does, for many rules at once."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._users: dict[str, list[int]] = {}
        self._words: dict[str, list[int]] = {ANONYMOUS: [], AUTHENTICATED: []}
        self._globs: dict[str, dict[str, list[int]]] = {}  # by kind
        for number, rule in enumerate(rules):
            for word in rule.who:
                self._held_under(word).append(number)

    def of(self, caller: Caller) -> tuple[int, ...]:
        """Return the numbers of the rules that name a caller."""
        return tuple(sorted({number for numbers in self._lists(caller) for number in numbers}))

    def _lists(self, caller: Caller) -> Iterator[list[int]]:
        yield self._words[ANONYMOUS]
        if caller.has_password:
            yield self._words[AUTHENTICATED]
        kind, _, name = (caller.who or "").partition(":")
        if kind == USER:
            yield self._users.get(name, [])
        elif caller.on_behalf_of is None:
            for glob, numbers in self._globs.get(kind, {}).items():
                if fnmatchcase(name, glob):
                    yield numbers

    def _held_under(self, word: str) -> list[int]:
        if word in self._words:
            return self._words[word]
        kind, colon, name = word.partition(":")
        if not colon or kind == USER:
            return self._users.setdefault(name if colon else word, [])
        return self._globs.setdefault(kind, {}).setdefault(glob_of_names(name), [])
