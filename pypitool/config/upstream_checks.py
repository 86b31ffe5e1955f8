"""What an upstream's values must look like: its address, and where its password is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pypitool.config.checks import url
from pypitool.config.masking import masked
from pypitool.config.mirror_settings import UpstreamAuth
from pypitool.config.primitives import BadTable, BadValue, string, table
from pypitool.config.suggestion import did_you_mean

PUBLIC = "pypi"
_AUTH = {"user": "a name", "password-env": "the name of a variable", "password-file": "a path"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def index(value: object) -> str:
    """Demand the address of a simple index, or the word for the public PyPI."""
    expected = f"an http or https URL, or `{PUBLIC}` for the public PyPI"
    text = string(value, expected).strip()
    if text == PUBLIC:
        return text
    try:
        return url(text)
    except BadValue:
        raise BadValue(f"expected {expected}, got `{masked(text)}`") from None


def auth(value: object) -> UpstreamAuth:
    """Demand a user, and one place where the password is."""
    given = table(value, 'a table such as { user = "mirror", password-env = "UPSTREAM_PASSWORD" }')
    faults = {name: _unknown(name) for name in given if name not in _AUTH}
    words: dict[str, str] = {}
    for name, expected in _AUTH.items():
        try:
            if name in given:
                words[name] = _word(name, string(given[name], expected))
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    _check_places(words)
    file = words.get("password-file")
    return UpstreamAuth(words["user"], words.get("password-env"), Path(file) if file else None)


def auth_table(value: UpstreamAuth) -> dict[str, Any]:
    """Write it as a file has it."""
    written = (value.user, value.password_env, value.password_file)
    return {name: str(one) for name, one in zip(_AUTH, written, strict=True) if one is not None}


def _unknown(name: str) -> str:
    if name == "password":
        return "write no password here: name a variable with `password-env`, or a file with `password-file`"
    return f"unknown key{did_you_mean(name, _AUTH)}"


def variable_name(text: str) -> str:
    """Demand the name of a variable of the environment."""
    if _VARIABLE.fullmatch(text) is None:
        raise BadValue("expected the name of a variable: letters, digits and `_`")
    return text


def _word(name: str, text: str) -> str:
    return variable_name(text) if name == "password-env" else text


def _check_places(words: Mapping[str, str]) -> None:
    if "user" not in words:
        raise BadValue("needs `user`")
    places = [name for name in _AUTH if name.startswith("password-") and name in words]
    if not places:
        raise BadValue("needs `password-env` or `password-file`")
    if len(places) > 1:
        raise BadValue("has `password-env` and `password-file`: the password is in one place")
