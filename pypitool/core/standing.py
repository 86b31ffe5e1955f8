"""What somebody may, once it is known which rules speak: one value for all who may the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.core.name_sets import NameSet
from pypitool.core.rights import Right
from pypitool.core.rulebook import Caller, Rule, Scope, has

# What an owner has on its project, whatever the rules say.
OWNER_RIGHTS = frozenset({Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.YANK, Right.DELETE})


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose rules and projects count for a caller, and how a token changes that."""

    subject: Caller
    scope: Scope | None = None
    narrows: bool = False  # a personal token: its scope and what its owner may, instead of either

    @classmethod
    def of(cls, caller: Caller) -> Claim:
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


class Standing:
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
        scoped = has(self._scope.may, right)
        return (scoped and ruled) if self.narrows else (scoped or ruled)

    def _holds(self, right: Right, project: NormalizedName | None) -> bool:
        names = self._names(right)
        if project is None:
            return names.everything
        return names.hold(project) or (project in self._owned and right in OWNER_RIGHTS)

    def _names(self, right: Right) -> NameSet:
        names = self._by_right.get(right)
        if names is None:
            names = NameSet(rule.projects for rule in self._rules if has(rule.may, right))
            self._by_right[right] = names
        return names
