"""Rights classes: who may the same shares one value, by which ready answers are found."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from packaging.utils import NormalizedName

from pypitool.access.rules import Rules
from pypitool.core.rights.effective import EffectiveRights, RightsBasis, RuleIndex
from pypitool.core.rights.rulebook import Caller, Scope

NOBODY = Caller()
MOST_REMEMBERED = 4096

# What `classify` answers with: the class, and the name that the access log shows.
RightsClass = tuple[EffectiveRights, str | None]
Owned = Callable[[str], frozenset[NormalizedName]]


class RightsClasses:
    """The classes under one reading of the rules; another reading has other ones, that nothing finds.

    A caller is turned into its class once, whatever the number of rules.
    """

    def __init__(self, rules: Rules, owned: Owned) -> None:
        self.rules = rules
        self._owned = owned
        self._naming = RuleIndex(rules.book.rules)
        self._effective_rights = lru_cache(MOST_REMEMBERED)(self._effective)
        self.forget_owners()
        self.anonymous = self.of(NOBODY)

    def of(self, caller: Caller) -> CallerRights:
        """Return the rights of a caller."""
        return self._callers(caller)

    def forget_owners(self) -> None:
        """Ask again what everybody owns."""
        # Another cache: what is being read at this moment is kept in the one that is given up.
        self._callers = lru_cache(MOST_REMEMBERED)(self._rights_of)

    def effective(
        self, basis: RightsBasis, speaking: frozenset[int], owned: frozenset[NormalizedName]
    ) -> EffectiveRights:
        """Return the one value for all for whom the same rules speak, and who own and claim the same."""
        # Two threads that ask for the first time at once may have one each: the answers are then kept twice.
        return self._effective_rights(speaking, basis.scope, basis.narrows, owned)

    def _rights_of(self, caller: Caller) -> CallerRights:
        basis = RightsBasis.of(caller)
        subject = basis.subject.who
        owned = frozenset() if subject is None else self._owned(subject)
        return CallerRights(self, caller, basis, self._naming.of(basis.subject), owned)

    def _effective(
        self,
        speaking: frozenset[int],
        scope: Scope | None,
        narrows: bool,
        owned: frozenset[NormalizedName],
    ) -> EffectiveRights:
        rules = (self.rules.book.rules[number] for number in sorted(speaking))
        return EffectiveRights(rules, owned=owned, scope=scope, narrows=narrows)


class CallerRights:
    """What one caller may: the same everywhere, unless a rule that names it asks from where."""

    __slots__ = ("_at", "_classes", "_numbers", "_owned", "always", "basis", "name")

    def __init__(
        self,
        classes: RightsClasses,
        caller: Caller,
        basis: RightsBasis,
        numbers: tuple[int, ...],
        owned: frozenset[NormalizedName],
    ) -> None:
        self._classes = classes
        self.basis = basis
        self.name = shown_name(caller)
        self._numbers = numbers
        self._owned = owned
        rules = classes.rules.book.rules
        asks_where = any(rules[number].networks for number in numbers)
        self.always: RightsClass | None = None if asks_where else self._class_at("")
        self._at = lru_cache(MOST_REMEMBERED)(self._class_at)

    def at(self, address: str) -> RightsClass:
        """Return its class at an address."""
        return self.always or self._at(address)

    def _class_at(self, address: str) -> RightsClass:
        speaking = self._classes.rules.book.heard(self._numbers, address)
        return self._classes.effective(self.basis, speaking, self._owned), self.name


def shown_name(caller: Caller) -> str | None:
    """Return what logs and messages call a caller: users by their name, others by their kind as well."""
    return None if caller.who is None else caller.who.removeprefix("user:")
