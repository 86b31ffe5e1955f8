"""How a key of the configuration is described, once, as a field of a dataclass."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(
    default: Any,
    why: str,
    *,
    kind: str,
    topic: str = "",
    flags: tuple[str, ...] = (),
    env: str = "",
    example: str = "",
) -> Any:
    """Describe one key of the configuration.

    `kind` names its parser in `config.kinds`, `topic` the heading of its flag in `serve --help` (without one
    `serve` has no flag for it), `flags` replace or add to `--<key>`, `example` is a value for the example
    file where the default says too little.
    """
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple")
    described = {"why": why, "kind": kind, "topic": topic, "flags": flags, "env": env, "example": example}
    return field(default=default, metadata=described)


def demanded(why: str, *, kind: str, example: str) -> Any:
    """Describe a key that must be given."""
    return field(metadata={"why": why, "kind": kind, "example": example})


def family(table: str, of: type, why: str, *, example: str) -> Any:
    """Describe tables that people name, such as `[set.NAME]`; `example` is the name of one."""
    return field(default=(), metadata={"table": table, "of": of, "why": why, "example": example})
