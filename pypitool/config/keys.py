"""How keys and tables of the configuration are described: once, as fields of dataclasses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

from pypitool.config.kinds import ValueKind

# A name goes into names of units and needs no quotes in a path.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)


class Shape(IntEnum):
    """How often a table may be there, in the order in which documents have them."""

    ONCE = 1  # [server]
    NAMED = 2  # [set.NAME]: as often as one likes, each under a name
    NUMBERED = 3  # [[rule]]: as often as one likes, one after the other
    OPEN = 4  # [groups]: once, and its keys have names that people give


def setting(
    default: Any,
    why: str,
    *,
    kind: ValueKind,
    topic: str = "",
    flags: tuple[str, ...] = (),
    env: str = "",
    example: str = "",
    live: bool = False,
) -> Any:
    """Describe one key of the configuration.

    `kind` is what reads its values, `topic` the heading of its flag in `serve --help` (without one
    `serve` has no flag for it), `flags` replace or add to `--<key>`, `example` is a value for the example
    file where the default says too little. A `live` key is read anew when its file changes.
    """
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple")
    described = {"why": why, "kind": kind, "topic": topic, "flags": flags, "env": env, "example": example}
    return field(default=default, metadata={**described, "live": live})


def demanded(why: str, *, kind: ValueKind, example: str) -> Any:
    """Describe a key that must be given."""
    return field(metadata={"why": why, "kind": kind, "example": example})


def named(table: str, of: type, why: str, *, example: str) -> Any:
    """Describe tables that people name, such as `[set.NAME]`; `example` is the name of one."""
    return field(
        default=(),
        metadata={"shape": Shape.NAMED, "table": table, "of": of, "why": why, "example": example},
    )


def numbered(table: str, of: type, why: str, *, live: bool = False) -> Any:
    """Describe tables without names, such as `[[rule]]`; `of` has the line of each besides its keys."""
    about = {"shape": Shape.NUMBERED, "table": table, "of": of, "why": why, "live": live}
    return field(default=(), metadata=about)


def entries(table: str, why: str, *, kind: ValueKind, example: tuple[str, str], live: bool = False) -> Any:
    """Describe a table whose keys people name, such as `[groups]`; `example` is one key and its value."""
    about = {"shape": Shape.OPEN, "table": table, "why": why, "kind": kind, "example": example, "live": live}
    return field(default=(), metadata=about)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: where it stands, what it takes, and how else it can be given."""

    section: str  # as documents have it: `server`, `set.NAME`, `[rule]`
    name: str  # as a file spells it: `max-upload-size`
    field: str
    default: Any
    kind: ValueKind
    why: str
    topic: str
    flags: tuple[str, ...]  # the long one that messages name comes last
    variable: str
    example: str
    demanded: bool
    live: bool

    @property
    def path(self) -> str:
        """Where a file has it: `server.max-upload-size`, `set.NAME.lock`."""
        return f"{self.section}.{self.name}"

    @property
    def flag(self) -> str:
        """The flag that messages name: `--max-upload-size`."""
        return self.flags[-1] if self.flags else f"--{self.name}"


@dataclass(frozen=True, slots=True)
class ConfigTable:
    """The tables that a file may have under one name, and the keys that each of them takes."""

    name: str
    field: str  # of the settings
    shape: Shape
    of: Any  # the class that one of them makes
    keys: tuple[Key, ...]
    why: str = ""
    example: str = ""
    live: bool = False

    @property
    def is_repeated(self) -> bool:
        """Whether there may be several."""
        return self.shape in (Shape.NAMED, Shape.NUMBERED)

    def path(self, own: str | int) -> str:
        """Return what messages call the one of that name, or number: `set.backend`, `rule[3]`."""
        return f"{self.name}[{own}]" if self.shape is Shape.NUMBERED else f"{self.name}.{own}"

    def open_key(self, name: str) -> Key:
        """Return the key that people call so."""
        return replace(self.keys[0], name=name)


def is_name(word: str) -> bool:
    """Tell whether people may call a table or a key so."""
    return _NAME.fullmatch(word) is not None


def described_tables(settings: type) -> Iterable[ConfigTable]:
    """Yield the tables that the fields of a class describe."""
    for one in fields(settings):
        about = one.metadata
        shape = about.get("shape", Shape.ONCE)
        if shape is Shape.ONCE:
            assert one.default_factory is not MISSING, f"section {one.name} has no class"
            keys = _keys(one.name, one.default_factory, "PYPITOOL_")
            yield ConfigTable(one.name, one.name, shape, one.default_factory, keys)
        elif shape is Shape.OPEN:
            name, text = about["example"]
            key = replace(_key(about["table"], one), name=name, default=None, example=text, demanded=True)
            yield ConfigTable(about["table"], one.name, shape, None, (key,), about["why"], live=about["live"])
        else:
            table, of = about["table"], about["of"]
            # No variable gives a key of these: it could not say in which table.
            keys = _keys(f"{table}.NAME" if shape is Shape.NAMED else f"[{table}]", of)
            example, live = about.get("example", ""), about.get("live", False)
            yield ConfigTable(table, one.name, shape, of, keys, about["why"], example, live)


def _keys(section: str, of: Any, variables: str = "") -> tuple[Key, ...]:
    # The name of a table, and the line that it begins at, are no keys in it.
    return tuple(_key(section, one, variables) for one in fields(of) if one.metadata)


def _key(section: str, described: Field[Any], variables: str = "") -> Key:
    about = described.metadata
    # `from_`, because `from` is a word of Python's.
    name = described.name.rstrip("_").replace("_", "-")
    topic = about.get("topic", "")
    is_demanded = described.default is MISSING
    return Key(
        section=section,
        name=name,
        field=described.name,
        default=None if is_demanded else described.default,
        kind=about["kind"],
        why=about["why"],
        topic=topic,
        flags=about.get("flags") or ((f"--{name}",) if topic else ()),
        variable=about.get("env") or (variables and f"{variables}{described.name.upper()}"),
        example=about["example"],
        demanded=is_demanded,
        live=about.get("live", False),
    )
