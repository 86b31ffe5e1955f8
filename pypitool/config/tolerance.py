"""What is left of a configuration without its faults: for who looks at it, never for who serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pypitool.config.keys import Array, Key, arrays, entries, families

L = TypeVar("L")


def whole_names(values: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return the names of the tables and keys that have everything that they need."""
    left = dict(names)
    for family in families():
        left[family.table] = [name for name in left[family.table] if _is_whole(values, family.keys(name))]
    for one in entries():
        left[one.table] = [name for name in left[one.table] if one.key(name).path in values]
    return left


def whole_lines(values: Mapping[str, Any], lines: Mapping[str, Sequence[L]]) -> dict[str, Sequence[L]]:
    """Return the tables of arrays; of one that is not whole none: a part of the rules is other rules."""
    is_whole = {array.table: _array_is_whole(values, array, len(lines[array.table])) for array in arrays()}
    return {table: found if is_whole[table] else () for table, found in lines.items()}


def _array_is_whole(values: Mapping[str, Any], array: Array, count: int) -> bool:
    return all(_is_whole(values, array.keys(number)) for number in range(1, count + 1))


def _is_whole(values: Mapping[str, Any], own: Sequence[Key]) -> bool:
    return all(key.path in values for key in own if key.demanded)
