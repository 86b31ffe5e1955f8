"""What a TOML document gives: its tables of every shape, each key read by its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pypitool.config.faults import Fault
from pypitool.config.keys import Array, Entries, Family, Key, every_key, keys, shapes
from pypitool.config.primitives import BadTable, BadValue, type_name
from pypitool.config.sources import Given, Layer, Origin, OriginKind, anchored
from pypitool.config.suggestion import suggested

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
