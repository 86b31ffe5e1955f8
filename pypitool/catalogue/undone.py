"""Which lines of the log of facts did not come about, as later lines of it say.

The fact is on the disk before the deed, so a deed that fails or is killed leaves a fact of nothing. A sum has
32 bits: the line that is meant is the nearest one before that can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from pypitool.core.fact import UNDOABLE, Fact, What, from_document
from pypitool.core.fact_line import from_line, sum_of
from pypitool.core.guard import Guard
from pypitool.host import open_to_read

_IS_UNDONE = f'"what":"{What.UNDONE.value}"'.encode()


def undone_lines(path: Path, since: int = 0) -> dict[int, tuple[int, str]]:
    """Find the lines that say so from the byte `since` on: where each is, which line it means, and when."""
    said = [_of(fact) for _, _, fact in _lines(path, since, _says_undone)]
    wanted = {line_sum: -1 for line_sum in said if line_sum is not None}
    if not wanted:
        return {}
    found: dict[int, tuple[int, str]] = {}
    for offset, line, fact in _lines(path, 0, lambda line: _says_undone(line) or sum_of(line) in wanted):
        line_sum = sum_of(line)
        if fact.what in UNDOABLE and line_sum is not None:
            wanted[line_sum] = offset
        elif offset >= since and (target := wanted.get(str(_of(fact)), -1)) >= 0:
            found[offset] = target, fact.at or ""
    return found


def sum_of_last(path: Path, is_it: Callable[[Fact], bool], hint: str) -> str | None:
    """Return the sum of the last line that can be undone, was not, and is the wanted one; it holds `hint`."""
    undone = {target for target, _ in undone_lines(path).values()}
    wanted = hint.encode()
    found = None
    for offset, line, fact in _lines(path, 0, lambda line: wanted in line):
        if offset not in undone and fact.what in UNDOABLE and is_it(fact):
            found = sum_of(line)
    return found


def _says_undone(line: bytes) -> bool:
    return _IS_UNDONE in line


def _of(fact: Fact) -> str | None:
    line_sum = fact.details.get("of")
    return line_sum if fact.what == What.UNDONE and isinstance(line_sum, str) else None


def _lines(path: Path, offset: int, chosen: Callable[[bytes], bool]) -> Iterator[tuple[int, bytes, Fact]]:
    with suppress(FileNotFoundError), open_to_read(path) as file:
        file.seek(offset)
        for line in file:
            if chosen(line):
                # Whoever replays the log tells of lines that are none.
                fact = Guard.run(partial(_read, line), lambda _fault: None)
                if fact is not None:
                    yield offset, line, fact
            offset += len(line)


def _read(line: bytes) -> Fact | None:
    return from_document(from_line(line))
