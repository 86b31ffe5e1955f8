"""Rights classes: who may the same shares one value, by which ready answers are found."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from packaging.utils import NormalizedName

from pypitool.access.rules import Rules
from pypitool.core.rights.effective import EffectiveRights, RightsBasis, RuleIndex
from pypitool.core.rights.rulebook import Caller

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
        self._seats: dict[Caller, CallerRights] = {}
        self._effective_rights: dict[Hashable, EffectiveRights] = {}
        self.anonymous = self.seat(NOBODY)

    def seat(self, caller: Caller) -> CallerRights:
        """Return where a caller stands."""
        # The dictionary of this moment: one that owners were read for before they changed is given up.
        seats = self._seats
        seat = seats.get(caller)
        if seat is None:
            seat = self._seat_of(caller)
            if len(seats) >= MOST_REMEMBERED:
                seats.clear()
            seats[caller] = seat
        return seat

    def forget_owners(self) -> None:
        """Ask again what everybody owns."""
        self._seats = {}

    def effective(
        self, basis: RightsBasis, speaking: frozenset[int], owned: frozenset[NormalizedName]
    ) -> EffectiveRights:
        """Return the one value for all for whom the same rules speak, and who own and claim the same."""
        key = (speaking, basis.scope, basis.narrows, owned)
        effective = self._effective_rights.get(key)
        if effective is None:
            rules = (self.rules.book.rules[number] for number in sorted(speaking))
            made = EffectiveRights(rules, owned=owned, scope=basis.scope, narrows=basis.narrows)
            if len(self._effective_rights) >= MOST_REMEMBERED:
                self._effective_rights.clear()
            effective = self._effective_rights.setdefault(key, made)
        return effective

    def _seat_of(self, caller: Caller) -> CallerRights:
        basis = RightsBasis.of(caller)
        subject = basis.subject.who
        owned = frozenset() if subject is None else self._owned(subject)
        return CallerRights(self, caller, basis, self._naming.of(basis.subject), owned)


class CallerRights:
    """Where one caller stands: the same everywhere, unless a rule that names it asks from where."""

    __slots__ = ("_by_address", "_classes", "_numbers", "_owned", "always", "basis", "name")

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
        self._by_address: dict[str, RightsClass] = {}
        rules = classes.rules.book.rules
        asks_where = any(rules[number].networks for number in numbers)
        self.always: RightsClass | None = None if asks_where else self._answer_at("")

    def at(self, address: str) -> RightsClass:
        """Return its class at an address."""
        answer = self.always or self._by_address.get(address)
        if answer is None:
            answer = self._answer_at(address)
            if len(self._by_address) >= MOST_REMEMBERED:
                self._by_address.clear()
            self._by_address[address] = answer
        return answer

    def _answer_at(self, address: str) -> RightsClass:
        speaking = self._classes.rules.book.heard(self._numbers, address)
        return self._classes.effective(self.basis, speaking, self._owned), self.name


def shown_name(caller: Caller) -> str | None:
    """Return what logs and messages call a caller: users by their name, others by their kind as well."""
    return None if caller.who is None else caller.who.removeprefix("user:")
