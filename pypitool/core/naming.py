"""Which rules name somebody, found by an index: a thousand rules may name a group of hundreds each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from pypitool.core.rulebook import ANONYMOUS, AUTHENTICATED, Caller, Rule, glob_of_names

USER = "user"


class Naming:
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
