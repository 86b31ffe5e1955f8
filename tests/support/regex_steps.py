"""The work of a regular expression, counted: a backtracking matcher over the same tree that `re` compiles.

`re` tells nobody what it does. This matcher tries the same alternatives in the same order, one step for each
character that is looked at and each part that is tried. It knows none of the short cuts of `re` (a literal
that is searched for first, for one): counts tell how work grows, and nothing of seconds.
"""

from __future__ import annotations

import re
import sys
import threading
import unicodedata
from collections.abc import Callable
from typing import Any

# The parser has had a public name only until Python 3.11.
try:
    from re import _constants as codes  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:
    import sre_constants as codes  # type: ignore[no-redef,import-not-found,unused-ignore]
    import sre_parse as parser  # type: ignore[no-redef,import-not-found,unused-ignore]

Next = Callable[[int], bool]
STACK = 512 * 1024**2
SINGLE = frozenset((codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN))


class UnknownNode(AssertionError):
    """A pattern has something that is not counted here yet."""


class Steps:
    """Counts what matching a pattern against one text takes."""

    def __init__(self, pattern: re.Pattern[Any], text: str | bytes) -> None:
        # Bytes as Latin-1: a byte is a character then.
        self._text = text.decode("latin-1") if isinstance(text, bytes) else text
        self._tree = parser.parse(pattern.pattern, pattern.flags).data
        self._flags = pattern.flags
        self._groups: dict[int, tuple[int, int]] = {}
        # Of each part and character that met, whether it fits: texts repeat themselves.
        self._fitting: dict[tuple[int, str], bool] = {}
        self.count = 0

    def match_at(self, start: int, *, whole: bool) -> int | None:
        """Return where a match that begins there ends, None for no match."""
        ends: list[int] = []

        def accepted(at: int) -> bool:
            if whole and at != len(self._text):
                return False
            ends.append(at)
            return True

        return ends[0] if self._sequence(self._tree, 0, start, accepted) else None

    def search_all(self) -> None:
        """Look for every match, as `sub`, `split` and `findall` do."""
        at = 0
        while at <= len(self._text):
            end = self.match_at(at, whole=False)
            at = at + 1 if end is None else max(end, at + 1)

    def _sequence(self, nodes: list[Any], index: int, at: int, then: Next) -> bool:
        if index == len(nodes):
            return then(at)
        self.count += 1
        kind, argument = nodes[index]
        rest: Next = lambda place: self._sequence(nodes, index + 1, place, then)  # noqa: E731
        if _is_single(kind):
            return self._fits(nodes[index], at) and rest(at + 1)
        return self._part(kind, argument, at, rest)

    def _part(self, kind: Any, argument: Any, at: int, rest: Next) -> bool:
        if kind is codes.SUBPATTERN:
            number, _, _, inner = argument

            def closed(end: int) -> bool:
                self._groups[number] = (at, end)
                return rest(end)

            return self._sequence(inner.data, 0, at, closed)
        if kind is codes.BRANCH:
            return any(self._sequence(one.data, 0, at, rest) for one in argument[1])
        if kind in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            return self._repeat(argument, at, rest, is_greedy=kind is codes.MAX_REPEAT)
        if kind is codes.AT:
            return self._stands(argument, at) and rest(at)
        if kind in (codes.ASSERT, codes.ASSERT_NOT):
            return self._asserted(argument, at) == (kind is codes.ASSERT) and rest(at)
        if kind is codes.GROUPREF:
            begin, end = self._groups.get(argument, (0, 0))
            same = self._text.startswith(self._text[begin:end], at)
            self.count += end - begin
            return same and rest(at + end - begin)
        if str(kind) == "ATOMIC_GROUP":
            found: list[int] = []
            inside = self._sequence(argument.data, 0, at, lambda end: not found.append(end))  # type: ignore[func-returns-value]
            return inside and rest(found[0])
        raise UnknownNode(str(kind))

    def _repeat(self, argument: Any, at: int, rest: Next, *, is_greedy: bool) -> bool:
        least, most, inner = argument
        nodes = inner.data
        if len(nodes) == 1 and _is_single(nodes[0][0]):
            return self._run(nodes[0], least, most, at, rest, is_greedy=is_greedy)

        def again(done: int, place: int) -> bool:
            def once_more() -> bool:
                if done >= most:
                    return False
                return self._sequence(
                    nodes, 0, place, lambda end: (end > place or done < least) and again(done + 1, end)
                )

            if done < least:
                return once_more()
            return (once_more() or rest(place)) if is_greedy else (rest(place) or once_more())

        return again(0, at)

    def _run(self, node: Any, least: int, most: int, at: int, rest: Next, *, is_greedy: bool) -> bool:
        longest = 0
        while longest < most and self._fits(node, at + longest):
            longest += 1
        lengths = range(longest, least - 1, -1) if is_greedy else range(least, longest + 1)
        return any(rest(at + length) for length in lengths)

    def _fits(self, node: Any, at: int) -> bool:
        self.count += 1
        if at >= len(self._text):
            return False
        met = id(node), self._text[at]
        fits = self._fitting.get(met)
        if fits is None:
            fits = self._fitting[met] = self._is_fitting(node[0], node[1], self._text[at])
        return fits

    def _is_fitting(self, kind: Any, argument: Any, one: str) -> bool:
        if kind is codes.ANY:
            return bool(self._flags & re.DOTALL) or one != "\n"
        variants = {one, one.lower(), one.upper()} if self._flags & re.IGNORECASE else {one}
        if kind is codes.LITERAL:
            return chr(argument) in variants
        if kind is codes.NOT_LITERAL:
            return chr(argument) not in variants
        is_negated = bool(argument) and argument[0][0] is codes.NEGATE
        members = argument[1:] if is_negated else argument
        held = any(self._is_member(member, variant) for member in members for variant in variants)
        return held != is_negated

    def _is_member(self, member: tuple[Any, Any], one: str) -> bool:
        kind, argument = member
        if kind is codes.LITERAL:
            return len(one) == 1 and ord(one) == argument
        if kind is codes.RANGE:
            return len(one) == 1 and argument[0] <= ord(one) <= argument[1]
        is_held = {
            "SPACE": one.isspace(),
            "DIGIT": unicodedata.category(one[0]) == "Nd",
            "WORD": one.isalnum() or one == "_",
        }[str(argument).rpartition("_")[2]]
        return is_held != ("NOT" in str(argument))

    def _stands(self, where: Any, at: int) -> bool:
        text, name = self._text, str(where)
        if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return at == 0 or (bool(self._flags & re.MULTILINE) and text[at - 1] == "\n")
        if name == "AT_END_STRING":
            return at == len(text)
        if name == "AT_END":
            return at == len(text) or text[at:] == "\n"
        before, behind = _is_word(text[at - 1 : at] if at else ""), _is_word(text[at : at + 1])
        return (before != behind) == (name == "AT_BOUNDARY")

    def _asserted(self, argument: Any, at: int) -> bool:
        direction, inner = argument
        start = at if direction > 0 else at - inner.getwidth()[0]
        ends: Next = (lambda _: True) if direction > 0 else (lambda end: end == at)
        return start >= 0 and self._sequence(inner.data, 0, start, ends)


def _is_word(one: str) -> bool:
    return one.isalnum() or one == "_"


def _is_single(kind: Any) -> bool:
    return kind in SINGLE


def steps_of(pattern: re.Pattern[Any], text: str | bytes, *, how: str) -> int:
    """Return the steps of `how`: `fullmatch`, `match`, or `search` for every match that there is."""
    counted = Steps(pattern, text)
    work = counted.search_all if how == "search" else lambda: counted.match_at(0, whole=how == "fullmatch")
    _deeply(work)
    return counted.count


def _deeply(work: Callable[[], object]) -> None:
    """Run something that calls itself once for each character."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    before, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(500_000)
    try:
        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(before)
        threading.stack_size(size)
    if failed:
        raise failed[0]
