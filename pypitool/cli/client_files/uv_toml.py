"""Put one index into a `uv.toml`; whatever else stands in it stays, comments and order too."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from pypitool.cli.client_files.ini import CannotEdit, Difference, Edited
from pypitool.config.config_files import parse_toml

_HEADER = re.compile(r"\s*\[\[\s*(?:index|\"index\"|'index')\s*\]\]\s*(?:#.*)?")
_ANY_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+)\s*=")


def edit_uv_toml(text: str, name: str, values: Mapping[str, Any]) -> Edited:
    """Make a file have an index of this name with these values, and no other default than it."""
    before = _parsed(text)
    indexes = before.get("index", [])
    if not isinstance(indexes, list) or not all(isinstance(one, dict) for one in indexes):
        raise CannotEdit("its `index` is no array of tables")
    lines, wanted = text.splitlines(), copy.deepcopy(before)
    own = next((at for at, one in enumerate(indexes) if one.get("name") == name), None)
    differences: list[Difference] = []
    for at, one in enumerate(indexes):
        changed = _changes(one, values if at == own else _as_another(one, values))
        if not changed:
            continue
        place = "index" if at == own else f"index `{one.get('name', one.get('url'))}`"
        differences += (
            Difference(f"{place}.{key}", _shown(one[key]), _shown(value))
            for key, value in changed.items()
            if key in one
        )
        wanted["index"][at] |= changed
        lines = _with_values(lines, at, len(indexes), changed)
    if own is None:
        gap = [""] if lines and lines[-1].strip() else []
        lines += [*gap, "[[index]]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
        wanted.setdefault("index", []).append(dict(values))
    return _checked(text, lines, wanted, differences)


def _changes(index: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if index.get(key) != value}


def _as_another(index: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    # uv asks the first default only: two of them would be a matter of order.
    return {"default": False} if index.get("default") and values.get("default") else {}


def _with_values(lines: list[str], number: int, count: int, values: Mapping[str, Any]) -> list[str]:
    headers = [at for at, line in enumerate(lines) if _HEADER.fullmatch(line)]
    if len(headers) != count:
        raise CannotEdit("its indexes are not written as [[index]] tables")
    start = headers[number] + 1
    end = next((at for at in range(start, len(lines)) if _ANY_HEADER.match(lines[at])), len(lines))
    body = lines[start:end]
    for key, value in values.items():
        written = f"{key} = {_toml(value)}"
        places = [at for at, line in enumerate(body) if (found := _KEY.match(line)) and found["key"] == key]
        if places:
            body[places[0]] = written
        else:
            last = max((at for at, line in enumerate(body) if _KEY.match(line)), default=-1)
            body.insert(last + 1, written)
    return [*lines[:start], *body, *lines[end:]]


def _checked(text: str, lines: list[str], wanted: Mapping[str, Any], differences: list[Difference]) -> Edited:
    if lines == text.splitlines():
        return Edited(text)
    end = "\r\n" if "\r\n" in text else "\n"
    edited = "".join(f"{line}{end}" for line in lines)
    if _parsed(edited) != wanted:
        raise CannotEdit("its indexes are written in a way that is not understood")
    return Edited(edited, tuple(differences))


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise CannotEdit(f"it is no TOML: {error}") from None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _toml(value)


def _toml(value: Any) -> str:
    # A text and a boolean look alike in JSON and in TOML.
    return json.dumps(value)
