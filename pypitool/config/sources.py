"""Where values come from: flags, variables, files and defaults, each a layer that the next one covers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pypitool.config.faults import Fault
from pypitool.config.keys import Key, keys, keys_by_path
from pypitool.config.primitives import BadValue, type_name
from pypitool.config.suggestion import suggested


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


def defaults_layer() -> Layer:
    """Return the default of every key."""
    origin = Origin(OriginKind.DEFAULT)
    return Layer({key.path: Given(anchored(key.default, Path()), origin) for key in keys()})


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


def document_layer(document: Mapping[str, Any], source: str, base: Path) -> Layer:
    """Return what a TOML document gives; its relative paths are relative to `base`."""
    sections: dict[str, list[Key]] = {}
    for key in keys():
        sections.setdefault(key.section, []).append(key)
    layers = []
    for name, table in document.items():
        if name not in sections:
            layers.append(_faulty(source, name, unknown(name, sections)))
        elif not isinstance(table, dict):
            layers.append(_faulty(source, name, f"expected a table, got {type_name(table)}"))
        else:
            layers.append(table_layer(sections[name], table, source, base))
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
        except BadValue as fault:
            faults.append(Fault(source, path, str(fault)))
    return Layer(given, tuple(faults))


def _faulty(source: str, path: str, message: str) -> Layer:
    return Layer({}, (Fault(source, path, message),))


def _joined(layers: Iterable[Layer]) -> Layer:
    given: dict[str, Given] = {}
    faults: list[Fault] = []
    for layer in layers:
        given.update(layer.given)
        faults.extend(layer.faults)
    return Layer(given, tuple(faults))


def unknown(name: str, candidates: Iterable[str]) -> str:
    """Say that a key does not exist, and which one was probably meant: here, or in another table."""
    elsewhere = next((key.path for key in keys() if key.name == name.replace("_", "-")), None)
    close = suggested(name, candidates) or elsewhere
    return f"unknown key, did you mean `{close}`?" if close else "unknown key"


def anchored(value: Any, base: Path) -> Any:
    """Make the paths of a value absolute."""
    if isinstance(value, tuple):
        return tuple(anchored(item, base) for item in value)
    # Not Path.expanduser: it raises for a user without a home, as in a container, and the default of
    # `packages` must not fail where it is not used.
    return base / os.path.expanduser(value) if isinstance(value, Path) else value
