"""Where values come from: flags, variables, files and defaults, each a layer that the next one covers.

What a TOML document gives: its tables of every shape, each key read by its kind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from pypitool.config.faults import Fault
from pypitool.config.keys import (
    Array,
    Entries,
    Family,
    Key,
    arrays,
    entries,
    every_key,
    families,
    keys,
    keys_by_path,
    shapes,
)
from pypitool.config.values import BadTable, BadValue, suggested, type_name


class OriginKind(str, Enum):
    """The sort of place that a value came from, strongest first."""

    FLAG = "flag"
    VARIABLE = "variable"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `flag --port`, `file /etc/pypitool/config.toml`."""

    kind: OriginKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and where it came from."""

    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source gives, by the path of the key, and what is wrong with it."""

    given: Mapping[str, Given]
    faults: tuple[Fault, ...] = ()
    # Of families and arrays, in order: their path and source; and the lines that arrays begin at.
    tables: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all layers give together: each value from the strongest that has it."""

    given: Mapping[str, Given]
    tables: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)

    def names(self, table: str) -> tuple[str, ...]:
        """Return the names of a family's tables, or of the keys of entries, in order."""
        paths = self.given if table in {one.table for one in entries()} else self.tables
        return tuple(path.partition(".")[2] for path in paths if path.startswith(f"{table}."))

    def lines_of(self, array: Array) -> tuple[int | None, ...]:
        """Return the line that each table of an array begins at, where it is known."""
        numbers = range(1, 1 + sum(path.startswith(f"{array.table}[") for path in self.tables))
        return tuple(self.lines.get(array.path(number)) for number in numbers)

    def value(self, path: str) -> Any:
        """Return the value of a path, or None when nothing gives one."""
        return self.given[path].value if path in self.given else None


def gather(layers: Sequence[Layer]) -> Gathered:
    """Put layers together, the weakest first; tables of the strongest come first, each in its order."""
    layers = _without_covered_arrays(layers)
    tables: dict[str, str] = {}
    lines: dict[str, int] = {}
    for layer in reversed(layers):
        tables |= {path: source for path, source in layer.tables.items() if path not in tables}
        lines |= layer.lines
    given = dict(defaults_layer(_keys_in(tables)).given)
    for layer in layers:
        given.update(layer.given)
    return Gathered(given, tables, lines)


def _without_covered_arrays(layers: Sequence[Layer]) -> Sequence[Layer]:
    """Leave each array to the strongest layer that has one: rules of two files together would allow what
    neither of them says."""
    kept: list[Layer] = []
    had: set[str] = set()
    for layer in reversed(layers):
        own = {path.partition("[")[0] for path in layer.tables if "[" in path}
        covered = tuple(f"{table}[" for table in own & had)
        kept.insert(0, _without(layer, covered) if covered else layer)
        had |= own
    return kept


def _without(layer: Layer, covered: tuple[str, ...]) -> Layer:
    def rest(held: Mapping[str, Any]) -> dict[str, Any]:
        return {path: one for path, one in held.items() if not path.startswith(covered)}

    return Layer(rest(layer.given), layer.faults, rest(layer.tables), rest(layer.lines))


def _keys_in(tables: Iterable[str]) -> Iterator[Key]:
    named = {family.table: family for family in families()}
    numbered = {array.table: array for array in arrays()}
    yield from keys()
    for path in tables:
        table, _, name = path.partition(".")
        if name:
            yield from named[table].keys(name)
        else:
            table, _, number = path.rstrip("]").partition("[")
            yield from numbered[table].keys(int(number))


def defaults_layer(own: Iterable[Key]) -> Layer:
    """Return the default of every key that has one."""
    origin = Origin(OriginKind.DEFAULT)
    return Layer({key.path: Given(anchored(key.default, Path()), origin) for key in own if not key.demanded})


def flags_layer(flags: Mapping[str, Any], base: Path) -> Layer:
    """Return what the command line gives; its values are parsed already."""
    known = keys_by_path()
    return Layer(
        {
            path: Given(anchored(value, base), Origin(OriginKind.FLAG, known[path].flag))
            for path, value in flags.items()
        }
    )


def variables_layer(environ: Mapping[str, str], base: Path) -> Layer:
    """Return what the environment gives. A variable that is exported but empty is absent."""
    given: dict[str, Given] = {}
    faults = []
    for key in keys():
        text = environ.get(key.variable, "").strip()
        if not text:
            continue
        try:
            value = anchored(key.kind.parse(text), base)
        except BadValue as fault:
            faults.append(Fault(key.variable, "", str(fault)))
        else:
            given[key.path] = Given(value, Origin(OriginKind.VARIABLE, key.variable))
    return Layer(given, tuple(faults))


def anchored(value: Any, base: Path) -> Any:
    """Make the paths of a value absolute."""
    if isinstance(value, tuple):
        return tuple(anchored(item, base) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: anchored(getattr(value, one.name), base) for one in fields(value)})
    # Not Path.expanduser: it raises for a user without a home, as in a container, and the default of
    # `packages` must not fail where it is not used.
    return base / os.path.expanduser(value) if isinstance(value, Path) else value


# A name goes into names of units and needs no quotes in a path.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
# Readers of TOML tell no lines. This one is deceived by a text of several lines that has such a heading; then
# there are more headings than tables, and no line is told.
_HEADING = re.compile(r"\s*\[\[\s*['\"]?([A-Za-z0-9_-]+)['\"]?\s*\]\]")


def document_layer(
    document: Mapping[str, Any], source: str, base: Path, lines: Mapping[str, Sequence[int]] | None = None
) -> Layer:
    """Return what a TOML document gives; its relative paths are relative to `base`.

    `lines` says at which lines the tables of each array begin.
    """
    sections: dict[str, list[Key]] = {}
    for key in keys():
        sections.setdefault(key.section, []).append(key)
    by_name = {one.table: one for one in shapes()}
    layers = []
    for name, table in document.items():
        shape = by_name.get(name)
        if name not in sections and shape is None:
            layers.append(_faulty(source, name, unknown(name, (*sections, *by_name))))
        elif isinstance(shape, Array):
            layers.append(_array_layer(shape, table, source, base, (lines or {}).get(name, ())))
        elif not isinstance(table, dict):
            layers.append(_faulty(source, name, f"expected a table, got {type_name(table)}"))
        elif isinstance(shape, Family):
            layers.append(_family_layer(shape, table, source, base))
        elif isinstance(shape, Entries):
            layers.append(_entries_layer(shape, table, source, base))
        else:
            layers.append(table_layer(sections[name], table, source, base))
    return _joined(layers)


def header_lines(text: str) -> dict[str, list[int]]:
    """Return at which lines of a document the tables of each array begin."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            found.setdefault(heading[1], []).append(number)
    return found


def _array_layer(array: Array, tables: object, source: str, base: Path, lines: Sequence[int]) -> Layer:
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        return _faulty(source, array.table, f"expected tables, each headed `[[{array.table}]]`")
    layers = []
    for number, table in enumerate(tables, start=1):
        path = array.path(number)
        # Tables on one line (`rule = [{ … }]`) have no heading whose line one could tell.
        line = {path: lines[number - 1]} if len(lines) == len(tables) else {}
        layers += [Layer({}, (), {path: source}, line), table_layer(array.keys(number), table, source, base)]
    return _joined(layers)


def _entries_layer(held: Entries, table: Mapping[str, object], source: str, base: Path) -> Layer:
    layers = []
    for name, value in table.items():
        key = held.key(name)
        if _NAME.fullmatch(name) is None:
            layers.append(_faulty(source, key.path, "expected a name of letters, digits, `-` and `_`"))
        else:
            layers.append(table_layer((key,), {name: value}, source, base))
    return _joined(layers)


def _family_layer(family: Family, tables: Mapping[str, object], source: str, base: Path) -> Layer:
    layers = []
    for name, table in tables.items():
        path, own = f"{family.table}.{name}", family.keys(name)
        if _NAME.fullmatch(name) is None:
            layers.append(_faulty(source, path, "expected a name of letters, digits, `-` and `_`"))
        elif not isinstance(table, dict):
            expected = ", ".join(f"`{key.name}`" for key in own if key.demanded) or f"`{own[0].name}`"
            layers.append(_faulty(source, path, f"expected a table with {expected}, got {type_name(table)}"))
        else:
            layers += [Layer({}, (), {path: source}), table_layer(own, table, source, base)]
    return _joined(layers)


def table_layer(known: Sequence[Key], table: Mapping[str, object], source: str, base: Path) -> Layer:
    """Return what one table of a document gives."""
    by_name = {key.name: key for key in known}
    given: dict[str, Given] = {}
    faults = []
    for name, value in table.items():
        key = by_name.get(name)
        path = f"{known[0].section}.{name}"
        if key is None:
            faults.append(Fault(source, path, unknown(name, by_name)))
            continue
        try:
            given[path] = Given(anchored(key.kind.read(value), base), Origin(OriginKind.FILE, source))
        except BadTable as wrong:
            faults += [Fault(source, f"{path}.{inner}", message) for inner, message in wrong.faults.items()]
        except BadValue as fault:
            faults.append(Fault(source, path, str(fault)))
    return Layer(given, tuple(faults))


def _faulty(source: str, path: str, message: str) -> Layer:
    return Layer({}, (Fault(source, path, message),))


def _joined(layers: Iterable[Layer]) -> Layer:
    given: dict[str, Given] = {}
    faults: list[Fault] = []
    tables: dict[str, str] = {}
    lines: dict[str, int] = {}
    for layer in layers:
        given.update(layer.given)
        faults.extend(layer.faults)
        tables.update(layer.tables)
        lines.update(layer.lines)
    return Layer(given, tuple(faults), tables, lines)


def unknown(name: str, candidates: Iterable[str]) -> str:
    """Say that a key does not exist, and which one was probably meant: here, or in another table."""
    elsewhere = next((key.path for key in every_key() if key.name == name.replace("_", "-")), None)
    close = suggested(name, candidates) or elsewhere
    return f"unknown key, did you mean `{close}`?" if close else "unknown key"
