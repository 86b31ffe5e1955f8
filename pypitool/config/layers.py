"""What each source gives: flags, variables, TOML documents and defaults, each covering the weaker ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered, Given, Layer, Place, SettingOrigin, SettingSource
from pypitool.config.keys import ConfigTable, Key, Shape, is_name
from pypitool.config.settings import every_key, keys, keys_by_path, tables
from pypitool.config.values import BadTable, BadValue, type_name
from pypitool.core.text import suggested

# Readers of TOML tell no lines. This one is deceived by a text of several lines that has such a heading; then
# there are more headings than tables, and no line is told.
_HEADING = re.compile(r"\s*\[\[\s*['\"]?([A-Za-z0-9_-]+)['\"]?\s*\]\]")
_BAD_NAME = "expected a name of letters, digits, `-` and `_`"


def gather(layers: Sequence[Layer]) -> Gathered:
    """Put layers together, the weakest first; tables of the strongest come first, each in its order."""
    layers = _without_covered_arrays(layers)
    places = {table.name: Place(table.name, table) for table in tables() if not table.is_repeated}
    for layer in reversed(layers):
        places |= {path: place for path, place in layer.places.items() if path not in places}
    given = _defaults(places.values())
    for layer in layers:
        given.update(layer.given)
    return Gathered(given, places)


def _without_covered_arrays(layers: Sequence[Layer]) -> Sequence[Layer]:
    """Leave each array to the strongest layer that has one: rules of two files together would allow what
    neither of them says."""
    kept: list[Layer] = []
    had: set[str] = set()
    for layer in reversed(layers):
        own = {one.table.name for one in layer.places.values() if one.table.shape is Shape.NUMBERED}
        covered = tuple(f"{table}[" for table in own & had)
        kept.insert(0, _without(layer, covered) if covered else layer)
        had |= own
    return kept


def _without(layer: Layer, covered: tuple[str, ...]) -> Layer:
    def rest(held: Mapping[str, Any]) -> dict[str, Any]:
        return {path: one for path, one in held.items() if not path.startswith(covered)}

    return Layer(rest(layer.given), layer.faults, rest(layer.places))


def _defaults(places: Iterable[Place]) -> dict[str, Given]:
    origin = SettingOrigin(SettingSource.DEFAULT)
    return {
        f"{place.path}.{key.name}": Given(anchored(key.default, Path()), origin)
        for place in places
        for key in place.table.keys
        if not key.demanded
    }


def flags_layer(flags: Mapping[str, Any], base: Path) -> Layer:
    """Return what the command line gives; its values are parsed already."""
    known = keys_by_path() if flags else {}
    return Layer(
        {
            path: Given(anchored(value, base), SettingOrigin(SettingSource.FLAG, known[path].flag))
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
            faults.append(ConfigFault(key.variable, "", str(fault)))
        else:
            given[key.path] = Given(value, SettingOrigin(SettingSource.VARIABLE, key.variable))
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


def document_layer(document: Mapping[str, Any], text: str, source: str, base: Path) -> Layer:
    """Return what a TOML document gives, with the lines of its text; its paths are relative to `base`."""
    read = _Document(source, base, header_lines(text))
    known = {table.name: table for table in tables()}
    for name, value in document.items():
        if name in known:
            read.table(known[name], value)
        else:
            read.blame(name, unknown(name, known))
    return Layer(read.given, tuple(read.faults), read.places)


def header_lines(text: str) -> dict[str, list[int]]:
    """Return at which lines of a document the tables of each array begin."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            found.setdefault(heading[1], []).append(number)
    return found


class _Document:
    """What has been read of a document."""

    def __init__(self, source: str, base: Path, lines: Mapping[str, Sequence[int]]) -> None:
        self._origin = SettingOrigin(SettingSource.FILE, source)
        self._base = base
        self._lines = lines
        self.given: dict[str, Given] = {}
        self.faults: list[ConfigFault] = []
        self.places: dict[str, Place] = {}

    def blame(self, path: str, message: str) -> None:
        self.faults.append(ConfigFault(self._origin.name, path, message))

    def table(self, table: ConfigTable, value: Any) -> None:
        """Read what the document has under the name of a table."""
        if table.shape is Shape.NUMBERED:
            self._numbered(table, value)
        elif not isinstance(value, dict):
            self.blame(table.name, f"expected a table, got {type_name(value)}")
        elif table.shape is Shape.NAMED:
            self._named(table, value)
        elif table.shape is Shape.OPEN:
            self._open(table, value)
        else:
            self._keys(table, table.name, value)

    def _numbered(self, table: ConfigTable, values: object) -> None:
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            self.blame(table.name, f"expected tables, each headed `[[{table.name}]]`")
            return
        lines: Sequence[int | None] = self._lines.get(table.name, ())
        # Tables on one line (`rule = [{ … }]`) have no heading whose line one could tell.
        known = lines if len(lines) == len(values) else [None] * len(values)
        for number, (line, value) in enumerate(zip(known, values, strict=True), start=1):
            self._place(table, number, value, {"line": line})

    def _named(self, table: ConfigTable, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            if not is_name(name):
                self.blame(table.path(name), _BAD_NAME)
            elif not isinstance(value, dict):
                own = [key.name for key in table.keys if key.demanded] or [table.keys[0].name]
                expected = ", ".join(f"`{one}`" for one in own)
                self.blame(table.path(name), f"expected a table with {expected}, got {type_name(value)}")
            else:
                self._place(table, name, value, {"name": name})

    def _place(self, table: ConfigTable, own: str | int, values: Any, known_by: Mapping[str, Any]) -> None:
        path = table.path(own)
        self.places[path] = Place(path, table, self._origin.name, known_by)
        self._keys(table, path, values)

    def _open(self, table: ConfigTable, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            if is_name(name):
                self._value(table.keys[0], f"{table.name}.{name}", value)
            else:
                self.blame(f"{table.name}.{name}", _BAD_NAME)

    def _keys(self, table: ConfigTable, path: str, values: Mapping[str, object]) -> None:
        known = {key.name: key for key in table.keys}
        for name, value in values.items():
            if name in known:
                self._value(known[name], f"{path}.{name}", value)
            else:
                self.blame(f"{path}.{name}", unknown(name, known))

    def _value(self, key: Key, path: str, value: object) -> None:
        try:
            self.given[path] = Given(anchored(key.kind.read(value), self._base), self._origin)
        except BadTable as wrong:
            for inner, message in wrong.faults.items():
                self.blame(f"{path}.{inner}", message)
        except BadValue as fault:
            self.blame(path, str(fault))


def unknown(name: str, candidates: Iterable[str]) -> str:
    """Say that a key does not exist, and which one was probably meant: here, or in another table."""
    elsewhere = next((key.path for key in every_key() if key.name == name.replace("_", "-")), None)
    close = suggested(name, candidates) or elsewhere
    return f"unknown key, did you mean `{close}`?" if close else "unknown key"
