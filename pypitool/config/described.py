"""How a key of the configuration is described, once, as a field of a dataclass."""

from __future__ import annotations

from dataclasses import field
from typing import Any

# What a field of the settings can be besides one section.
FAMILY, ARRAY, ENTRIES = "family", "array", "entries"


def setting(
    default: Any,
    why: str,
    *,
    kind: str,
    topic: str = "",
    flags: tuple[str, ...] = (),
    env: str = "",
    example: str = "",
    live: bool = False,
) -> Any:
    """Describe one key of the configuration.

    `kind` names its parser in `config.kinds`, `topic` the heading of its flag in `serve --help` (without one
    `serve` has no flag for it), `flags` replace or add to `--<key>`, `example` is a value for the example
    file where the default says too little. A `live` key is read anew when its file changes.
    """
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple")
    described = {"why": why, "kind": kind, "topic": topic, "flags": flags, "env": env, "example": example}
    return field(default=default, metadata={**described, "live": live})


def demanded(why: str, *, kind: str, example: str) -> Any:
    """Describe a key that must be given."""
    return field(metadata={"why": why, "kind": kind, "example": example})


def family(table: str, of: type, why: str, *, example: str) -> Any:
    """Describe tables that people name, such as `[set.NAME]`; `example` is the name of one."""
    about = {"shape": FAMILY, "table": table, "of": of, "why": why, "example": example}
    return field(default=(), metadata=about)


def array(table: str, of: type, why: str, *, live: bool = False) -> Any:
    """Describe tables without names, such as `[[rule]]`; `of` has the line of each besides its keys."""
    return field(default=(), metadata={"shape": ARRAY, "table": table, "of": of, "why": why, "live": live})


def entries(table: str, why: str, *, kind: str, example: tuple[str, str], live: bool = False) -> Any:
    """Describe a table whose keys people name, such as `[groups]`; `example` is one key and its value."""
    about = {"shape": ENTRIES, "table": table, "why": why, "kind": kind, "example": example, "live": live}
    return field(default=(), metadata=about)
