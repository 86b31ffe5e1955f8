"""What says as whom one speaks to a remote: a user with a password, or a token, each kept elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pypitool.config.primitives import BadTable, BadValue, string, table
from pypitool.config.remote_settings import RemoteAuth
from pypitool.config.suggestion import did_you_mean
from pypitool.config.upstream_checks import variable_name

_VARIABLE, _PATH = "the name of a variable", "a path"
_WORDS = {
    "user": "a name",
    "password-env": _VARIABLE,
    "password-file": _PATH,
    "token-env": _VARIABLE,
    "token-file": _PATH,
}
_PLACES = tuple(name for name in _WORDS if name != "user")
_EXAMPLE = (
    'a table such as { token-env = "ACME_TOKEN" } or { user = "deploy", password-env = "ACME_PASSWORD" }'
)


def auth(value: object) -> RemoteAuth:
    """Demand a token, or a user with a password, and one place where it is."""
    given = table(value, _EXAMPLE)
    faults = {name: _unknown(name) for name in given if name not in _WORDS}
    words: dict[str, str] = {}
    for name in (name for name in _WORDS if name in given):
        try:
            words[name] = _word(name, given[name])
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    _check_places(words.keys())
    return RemoteAuth(
        user=words.get("user"),
        password_env=words.get("password-env"),
        password_file=_path(words.get("password-file")),
        token_env=words.get("token-env"),
        token_file=_path(words.get("token-file")),
    )


def auth_table(value: RemoteAuth) -> dict[str, Any]:
    """Write it as a file has it."""
    written = ((name, getattr(value, name.replace("-", "_"))) for name in _WORDS)
    return {name: str(one) for name, one in written if one is not None}


def _word(name: str, value: object) -> str:
    text = string(value, _WORDS[name])
    return variable_name(text) if _WORDS[name] == _VARIABLE else text


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _unknown(name: str) -> str:
    if name in ("password", "token"):
        return f"write no {name} here: name a variable with `{name}-env`, or a file with `{name}-file`"
    return f"unknown key{did_you_mean(name, _WORDS)}"


def _check_places(given: Collection[str]) -> None:
    places = [name for name in _PLACES if name in given]
    if not places:
        raise BadValue("needs one of " + ", ".join(f"`{name}`" for name in _PLACES))
    if len(places) > 1:
        raise BadValue(f"has `{places[0]}` and `{places[1]}`: one of them is enough")
    if places[0].startswith("password-") and "user" not in given:
        raise BadValue("needs `user`")
    if places[0].startswith("token-") and "user" in given:
        raise BadValue("has `user` and a token: a token needs no user")
