"""Values: as a TOML file has them, from the text of a flag or a variable, and printed without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from pypitool.core.masking import masked_urls

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
# `bool` first: it is a subclass of `int`.
_TYPE_NAMES = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
)


class BadValue(ValueError):
    """A value that its key cannot have: the message completes `server.port: `."""


class BadTable(BadValue):
    """A table with faults in it, each by its key there."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(faults)
        self.faults = dict(faults)


def type_name(value: object) -> str:
    """Name a TOML type as a person would: `an integer`."""
    return next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "a date or time")


def wrong_type(expected: str, value: object) -> BadValue:
    """Say that a value has another type than its key."""
    return BadValue(f"expected {expected}, got {type_name(value)}")


def string(value: object, expected: str = "a string") -> str:
    """Demand a string that is not empty and fits on one line."""
    if not isinstance(value, str):
        raise wrong_type(expected, value)
    if not value.strip():
        raise BadValue(f"expected {expected}, got an empty string")
    if not value.isprintable():
        raise BadValue(f"expected {expected} without control characters, got {value!r}")
    return value


def strings(value: object, expected: str) -> tuple[str, ...]:
    """Demand an array of strings; a single string is an array of one."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise wrong_type(expected, value)
    return tuple(string(item, expected) for item in items)


def table(value: object, expected: str) -> Mapping[str, object]:
    """Demand a table."""
    if not isinstance(value, dict):
        raise wrong_type(expected, value)
    return value


def integer(value: object, low: int, high: int) -> int:
    """Demand a whole number between two others, both allowed."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type("an integer", value)
    if not low <= value <= high:
        raise BadValue(f"expected a number between {low} and {high}, got {value}")
    return value


def boolean(value: object) -> bool:
    """Demand true or false."""
    if not isinstance(value, bool):
        raise wrong_type("true or false", value)
    return value


def choice(value: object, choices: Iterable[str]) -> str:
    """Demand one of a few words, in any case."""
    words = tuple(choices)
    expected = f"one of {', '.join(words)}"
    word = string(value, expected).strip().lower()
    chosen = next((one for one in words if one.lower() == word), None)
    if chosen is None:
        raise BadValue(f"expected {expected}, got `{value}`")
    return chosen


def integer_text(text: str) -> object:
    """Read the digits of a flag; anything else stays text, for the check to refuse by its type."""
    digits = text.strip()
    if not (digits.isascii() and digits.lstrip("-").isdigit() and len(digits) < 20):
        raise BadValue(f"expected an integer, got `{text}`")
    return int(digits)


def boolean_text(text: str) -> object:
    """Read a switch: `1 true yes on` or `0 false no off`, in any case."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise BadValue(f"expected true or false, got `{text}`")
    return word in _TRUE


def comma_list(text: str) -> object:
    """Split at commas; spaces around them do not count."""
    return [item.strip() for item in text.split(",") if item.strip()]


def path_list(text: str) -> object:
    """Split at colons, as PATH."""
    return [item for item in text.split(os.pathsep) if item]


def inline_table(text: str) -> object:
    """Read a table as TOML writes it on one line."""
    from pypitool.config.config_files import parse_toml

    try:
        return parse_toml(f"value = {text}")["value"]
    except ValueError:
        raise BadValue(f'expected a table such as {{ key = "value" }}, got `{text}`') from None


_BEHIND_HOST = re.compile(r"(?<=://)(?:[^/\s]*@)?([^/?#\s]*)[/?#]\S*")


def host_only(text: str) -> str:
    """Hide all of an address but its host: the path of a webhook is its password."""
    return _BEHIND_HOST.sub(r"\1/***", masked_urls(text))
