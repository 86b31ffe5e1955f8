"""What `--json` prints of an event: its type, and its fields in the order in which they are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

# How a field is printed that is not printed as every other, for the `metadata` of `dataclasses.field`.
IF_KNOWN: Mapping[str, str] = MappingProxyType({"printed": "unless None"})
INLINE: Mapping[str, str] = MappingProxyType({"printed": "as fields of its own, unless None"})
NEVER: Mapping[str, str] = MappingProxyType({"printed": "never"})


class Dataclass(Protocol):
    """Any dataclass; of one without `type` only the fields are printed."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def document(event: Dataclass) -> dict[str, object]:
    """Return an event as plain JSON values."""
    line: dict[str, object] = {"type": event.type} if hasattr(event, "type") else {}
    for one in fields(event):
        value = getattr(event, one.name)
        if one.metadata == NEVER or (value is None and one.metadata in (IF_KNOWN, INLINE)):
            continue
        line |= document(value) if one.metadata == INLINE else {one.name: _plain(value)}
    return line


def _plain(value: Any) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return document(value) if hasattr(value, "__dataclass_fields__") else value
