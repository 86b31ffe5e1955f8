"""What the words of a target must be."""

from __future__ import annotations

import re

from pypitool.config.primitives import BadTable, BadValue, string, strings, table
from pypitool.config.suggestion import did_you_mean
from pypitool.core.mirror.targets import (
    KNOWN_PLATFORMS,
    MARKER_VARIABLES,
    PlatformWord,
    PythonVersion,
    UnknownPlatform,
    UnknownPython,
)

_ABI = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


def python(value: object) -> str:
    """Demand a version of Python as a target names it."""
    # A bare 3.10 in TOML is the number 3.1.
    text = string(value, "a Python in quotes, such as `3.12`, `3.12.4` or `3.13t`").strip()
    try:
        PythonVersion.parse(text)
    except UnknownPython:
        raise BadValue(f"expected a Python such as `3.12`, `3.12.4` or `3.13t`, got `{text}`") from None
    return text


def platform(value: object) -> str:
    """Demand a platform tag that describes a machine."""
    text = string(value, f"one of {KNOWN_PLATFORMS}").strip()
    try:
        PlatformWord.parse(text)
    except UnknownPlatform:
        raise BadValue(f"expected one of {KNOWN_PLATFORMS}, got `{text}`") from None
    return text


def abis(value: object) -> tuple[str, ...]:
    """Demand ABI tags."""
    items = strings(value, "an ABI tag such as `cp312`, or an array of them")
    for item in items:
        if _ABI.fullmatch(item) is None:
            raise BadValue(f"expected an ABI tag such as `cp312`, got `{item}`")
    return items


def markers(value: object) -> tuple[tuple[str, str], ...]:
    """Demand values for marker variables."""
    given = table(value, 'a table such as { platform_release = "6.8.0" }')
    faults = {}
    for name, text in given.items():
        if name not in MARKER_VARIABLES:
            faults[name] = f"is no marker variable{did_you_mean(name, MARKER_VARIABLES)}"
        elif not isinstance(text, str):
            faults[name] = "expected a string"
    if faults:
        raise BadTable(faults)
    return tuple((name, str(text)) for name, text in given.items())
