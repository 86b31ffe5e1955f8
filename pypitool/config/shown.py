"""The configuration as text: what counts and where it came from, and the example file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pypitool.config.checks import NO_PASSWORDS
from pypitool.config.keys import Key, keys, value_of
from pypitool.config.kinds import KINDS
from pypitool.config.loader import Loaded
from pypitool.config.masking import masked

_HEAD = """\
# Every key of pypitool with its default, and why one would change it. Lines that begin with a # have no
# default, or one that depends on the machine: take the # away to use them.
#
# Where it is looked for: --config FILE or PYPITOOL_CONFIG, ~/.config/pypitool/config.toml,
# /etc/pypitool/config.toml. A flag and a PYPITOOL_ variable count more than any file.
# Relative paths are relative to this file. `pypitool config check` reads it as the server would.
"""


def shown(loaded: Loaded, *, origins: bool = False) -> str:
    """Write the settings that count as TOML, each with where it came from if that is asked for."""
    width = max(len(_assignment(key, loaded)) for key in keys()) if origins else 0
    lines = []
    for section, members in groupby(keys(), key=lambda key: key.section):
        lines.append(f"[{section}]")
        for key in members:
            line = _assignment(key, loaded)
            lines.append(f"{line:<{width}}  # {loaded.origins[key.path]}" if origins else line)
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def document(loaded: Loaded) -> dict[str, Any]:
    """Return the settings that count, and where each came from, as plain JSON values."""
    return {
        "files": [str(file) for file in loaded.files],
        "settings": {key.path: _entry(key, loaded) for key in keys()},
    }


def example() -> str:
    """Write the example file."""
    lines = [_HEAD]
    for section, members in groupby(keys(), key=lambda key: key.section):
        lines.append(f"[{section}]")
        lines.extend(line for key in members for line in _example_lines(key))
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _assignment(key: Key, loaded: Loaded) -> str:
    value = _value(key, loaded)
    # TOML has no null: what is not set is a comment.
    return f"# {key.name} is not set" if value is None else f"{key.name} = {_toml(key, value)}"


def _entry(key: Key, loaded: Loaded) -> dict[str, Any]:
    origin = loaded.origins[key.path]
    value = _plain(key, _value(key, loaded))
    return {"value": value, "origin": origin.kind.value, "source": origin.name or None}


def _value(key: Key, loaded: Loaded) -> Any:
    # The settings say None for it, and then only `authenticate` tells the two apart.
    if key.path == "auth.passwords" and not loaded.settings.auth.authenticate:
        return NO_PASSWORDS
    return value_of(loaded.settings, key)


def _plain(key: Key, value: Any) -> Any:
    # Sizes are bytes and durations seconds for programs; people see `2G` and `1m`.
    if value is None or (isinstance(value, (int, float)) and key.kind is not KINDS["mode"]):
        return value
    written = key.kind.to_toml(value)
    return masked(written) if isinstance(written, str) else written


def _toml(key: Key, value: Any) -> str:
    # A string, a number, a boolean and an array of strings look alike in JSON and in TOML.
    return masked(json.dumps(key.kind.to_toml(value), ensure_ascii=False))


def _example_lines(key: Key) -> Iterator[str]:
    yield f"# {key.why}"
    if key.default is None:
        yield f"#{key.name} = {_toml(key, key.kind.parse(key.example))}"
    else:
        yield f"{key.name} = {_toml(key, key.default)}"
