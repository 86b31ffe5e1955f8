"""The configuration as text: what counts and where it came from, and the example file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pypitool.config.keys import ConfigTable, Key, Shape
from pypitool.config.loader import Loaded
from pypitool.config.rights_tables import NO_PASSWORDS
from pypitool.config.server_table import MODE
from pypitool.config.settings import HeldTable, Settings, held_tables, tables

# TOML 1.0: "Bare keys may only contain ASCII letters, ASCII digits, underscores, and dashes".
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

_HEAD = """\
# Every key of pypitool with its default, and why one would change it. Lines that begin with a # have no
# default, or one that depends on the machine: take the # away to use them. A table whose name begins with
# a # is there as often as you need it, each time under a name of yours.
#
# Where it is looked for: --config FILE or PYPITOOL_CONFIG, ~/.config/pypitool/config.toml,
# /etc/pypitool/config.toml. A flag and a PYPITOOL_ variable count more than any file.
# Relative paths are relative to this file. `pypitool config check` reads it as the server would.
"""


def settings_text(loaded: Loaded, *, origins: bool = False) -> str:
    """Write the settings that count as TOML, each with where it came from if that is asked for."""
    held = _held(loaded.settings)
    width = max(len(_assignment(key, table)) for table in held for key in table.keys) if origins else 0
    lines = []
    for table in held:
        lines.append(f"[{table.heading}]")
        for key in table.keys:
            line = _assignment(key, table)
            lines.append(f"{line:<{width}}  # {loaded.origins[table.path_of(key)]}" if origins else line)
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def settings_document(loaded: Loaded) -> dict[str, Any]:
    """Return the settings that count, and where each came from, as plain JSON values."""
    held = ((table, key) for table in _held(loaded.settings) for key in table.keys)
    return {
        "files": [str(file) for file in loaded.files],
        "settings": {table.path_of(key): _entry(key, table, loaded) for table, key in held},
    }


def example_file() -> str:
    """Write the example file."""
    parts = ("\n".join((*_heading(table), *_example_lines(table))) for table in tables())
    return "\n".join((_HEAD, "\n\n".join(parts))) + "\n"


def literal(key: Key, value: Any) -> str:
    """Write a value of a key as a file has it."""
    return _toml(key.kind.to_toml(value))


def _held(settings: Settings) -> tuple[HeldTable, ...]:
    held = tuple(held_tables(settings))
    # With rules it does not count, and beside them it may not stand.
    return tuple(map(_without_short_form, held)) if settings.rules else held


def _without_short_form(table: HeldTable) -> HeldTable:
    kept = tuple(key for key in table.keys if key.path != "auth.authenticate")
    return replace(table, keys=kept)


def _assignment(key: Key, table: HeldTable) -> str:
    value = _value(key, table)
    # TOML has no null: what is not set is a comment.
    if value is None:
        return f"# {key.name} is not set"
    return f"{key.name} = {_toml(_hidden(key, key.kind.to_toml(value)))}"


def _entry(key: Key, table: HeldTable, loaded: Loaded) -> dict[str, Any]:
    origin = loaded.origins[table.path_of(key)]
    value = _plain(key, _value(key, table))
    return {"value": value, "origin": origin.kind.value, "source": origin.name or None}


def _value(key: Key, table: HeldTable) -> Any:
    # The settings say None for it, and then only `authenticate` tells the two apart.
    if key.path == "auth.passwords" and not table.values.authenticate:
        return NO_PASSWORDS
    return table.value(key)


def _plain(key: Key, value: Any) -> Any:
    # Sizes are bytes and durations seconds for programs; people see `2G` and `1m`.
    if value is None or (isinstance(value, (int, float)) and key.kind is not MODE):
        return value
    return _hidden(key, key.kind.to_toml(value))


def _hidden(key: Key, written: Any) -> Any:
    # Only texts hold what is secret: a table says where a password is, never what it is.
    return key.kind.mask(written) if isinstance(written, str) else written


def _toml(written: object) -> str:
    if isinstance(written, dict):
        return f"{{ {', '.join(f'{_key(name)} = {_toml(one)}' for name, one in written.items())} }}"
    # A string, a number, a boolean and an array of strings look alike in JSON and in TOML.
    return json.dumps(written, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _heading(table: ConfigTable) -> tuple[str, ...]:
    if table.shape is Shape.NUMBERED:
        return (f"# {table.why}", f"#[[{table.name}]]")
    if table.shape is Shape.NAMED:
        return (f"# {table.why}", f"#[{table.name}.{table.example}]")
    return (f"[{table.name}]" if table.shape is Shape.ONCE else f"#[{table.name}]",)


def _example_lines(table: ConfigTable) -> Iterator[str]:
    commented = table.shape is not Shape.ONCE
    for key in table.keys:
        yield f"# {key.why}"
        if key.default is None or (commented and key.example):
            yield f"#{key.name} = {literal(key, key.kind.parse(key.example))}"
        else:
            yield f"{'#' if commented else ''}{key.name} = {literal(key, key.default)}"
