"""What the values of a publisher must look like: its name, who signs, and what the tokens must say.

What says as whom one speaks to a remote: a user with a password, or a token, each kept elsewhere.

What the values of rights must look like: who is named, what is allowed, on which projects, from where.

What an upstream's values must look like: its address, and where its password is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pypitool.config.checks import globs, networks, some_span, url
from pypitool.config.mirror_settings import RemoteAuth, UpstreamAuth
from pypitool.config.values import (
    BadTable,
    BadValue,
    did_you_mean,
    masked,
    string,
    strings,
    table,
    wrong_type,
)
from pypitool.core.rights.publishers import Claims, ClaimValue
from pypitool.core.rights.right import Right

LONGEST_LIFE = 3600.0
_CLAIMS_EXAMPLE = 'a table such as { repository = "acme/core" }'


def publisher_name(value: object) -> str:
    """Demand a name as tokens have them: what it mints is called so."""
    from pypitool.core.rights.tokens import TokenRefused, checked_name

    text = string(value, "a name").strip()
    try:
        return checked_name(text)
    except TokenRefused:
        raise BadValue(f"expected lower case letters, digits and `-`, got `{text}`") from None


def issuer(value: object) -> str:
    """Demand the https address of an issuer, which is compared letter by letter."""
    text = string(value, "an https URL")
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # OpenID Connect Discovery 1.0, 3: "URL using the https scheme with no query or fragment components".
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or " " in text:
        raise BadValue(f"expected an https URL without a query, got `{text}`")
    return text


def claims(value: object) -> Claims:
    """Demand at least one claim, each with a value or several."""
    given = table(value, _CLAIMS_EXAMPLE)
    if not given:
        raise BadValue(f"asks for nothing, and so anybody's CI would do: expected {_CLAIMS_EXAMPLE}")
    faults: dict[str, str] = {}
    found: list[tuple[str, tuple[ClaimValue, ...]]] = []
    for name, one in given.items():
        try:
            found.append((name, _values(one)))
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    return tuple(found)


def claims_table(value: Claims) -> dict[str, Any]:
    """Write them as a file has them."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in value}


def minted_span(value: object) -> float:
    """Demand a length of time that a stolen token may do harm."""
    seconds = some_span(value)
    if seconds > LONGEST_LIFE:
        raise BadValue(f"expected at most 1h, got `{value}`")
    return seconds


def _values(value: object) -> tuple[ClaimValue, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise BadValue("allows nothing: expected a value, or an array of them")
    return tuple(_value(item) for item in items)


def _value(value: object) -> ClaimValue:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, (bool, int, float)):
        return value
    raise wrong_type("a string, a number, or true or false", value)


_A_VARIABLE, _A_PATH = "the name of a variable", "a path"
_WORDS = {
    "user": "a name",
    "password-env": _A_VARIABLE,
    "password-file": _A_PATH,
    "token-env": _A_VARIABLE,
    "token-file": _A_PATH,
}
_PLACES = tuple(name for name in _WORDS if name != "user")
_REMOTE_EXAMPLE = (
    'a table such as { token-env = "ACME_TOKEN" } or { user = "deploy", password-env = "ACME_PASSWORD" }'
)


def remote_auth(value: object) -> RemoteAuth:
    """Demand a token, or a user with a password, and one place where it is."""
    given = table(value, _REMOTE_EXAMPLE)
    faults = {name: _unknown_remote_word(name) for name in given if name not in _WORDS}
    words: dict[str, str] = {}
    for name in (name for name in _WORDS if name in given):
        try:
            words[name] = _remote_word(name, given[name])
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    _check_remote_places(words.keys())
    return RemoteAuth(
        user=words.get("user"),
        password_env=words.get("password-env"),
        password_file=_path(words.get("password-file")),
        token_env=words.get("token-env"),
        token_file=_path(words.get("token-file")),
    )


def remote_auth_table(value: RemoteAuth) -> dict[str, Any]:
    """Write it as a file has it."""
    written = ((name, getattr(value, name.replace("-", "_"))) for name in _WORDS)
    return {name: str(one) for name, one in written if one is not None}


def _remote_word(name: str, value: object) -> str:
    text = string(value, _WORDS[name])
    return variable_name(text) if _WORDS[name] == _A_VARIABLE else text


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _unknown_remote_word(name: str) -> str:
    if name in ("password", "token"):
        return f"write no {name} here: name a variable with `{name}-env`, or a file with `{name}-file`"
    return f"unknown key{did_you_mean(name, _WORDS)}"


def _check_remote_places(given: Collection[str]) -> None:
    places = [name for name in _PLACES if name in given]
    if not places:
        raise BadValue("needs one of " + ", ".join(f"`{name}`" for name in _PLACES))
    if len(places) > 1:
        raise BadValue(f"has `{places[0]}` and `{places[1]}`: one of them is enough")
    if places[0].startswith("password-") and "user" not in given:
        raise BadValue("needs `user`")
    if places[0].startswith("token-") and "user" in given:
        raise BadValue("has `user` and a token: a token needs no user")


UNIX = "unix"
_KINDS = ("user:", "token:", "publisher:")
_GROUP = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_GLOB = re.compile(r"[A-Za-z0-9_*?-]+", re.ASCII)


def who(value: object) -> tuple[str, ...]:
    """Demand at least one word that names somebody."""
    words = members(value)
    if not words:
        raise BadValue("names nobody: leave it out, or name `anonymous` for everyone")
    return words


def members(value: object) -> tuple[str, ...]:
    """Demand words that name people, or none."""
    items = strings(value, "an array of names")
    return tuple(_rights_word(item.strip()) for item in items)


def rights(value: object) -> tuple[str, ...]:
    """Demand at least one right."""
    known = tuple(right.value for right in Right)
    items = strings(value, "an array of rights")
    words = [item.strip().lower() for item in items]
    for word in words:
        if word not in known:
            rest = did_you_mean(word, known) or f"; there is {', '.join(known)}"
            raise BadValue(f"there is no right `{word}`{rest}")
    if not words:
        raise BadValue(f"allows nothing: expected some of {', '.join(known)}")
    return tuple(word for word in known if word in words)


def project_globs(value: object) -> tuple[str, ...]:
    """Demand patterns of project names, some of which may be taken out with `!`."""
    items = strings(value, "an array of globs")
    globs([item.removeprefix("!") for item in items])
    if all(item.startswith("!") for item in items):
        raise BadValue('is about no project: expected a name or a glob that is not taken out, such as "*"')
    return items


def addresses(value: object) -> tuple[str, ...]:
    """Demand at least one address or network."""
    items = networks(value)
    if UNIX in items:
        raise BadValue(f"expected an address or a network, got `{UNIX}`: a socket has no address")
    if not items:
        raise BadValue("expected an address or a network: leave it out for everywhere")
    return items


def _rights_word(word: str) -> str:
    if word.startswith("@"):
        if _GROUP.fullmatch(word) is None:
            raise BadValue(f"expected the name of a group such as `@data`, got `{word}`")
        return word
    kind, colon, name = word.partition(":")
    if not colon:
        return word
    if f"{kind}:" not in _KINDS:
        meant = did_you_mean(f"{kind}:", _KINDS) or f": expected {', '.join(_KINDS)} or a name alone"
        raise BadValue(f"nobody is named `{word}`{meant}")
    # Names of users are anything that a password file holds; those of tokens and publishers are ours.
    if not name or (kind != "user" and _GLOB.fullmatch(name) is None):
        raise BadValue(f"expected a name behind `{kind}:`, got `{word}`")
    return word


PUBLIC = "pypi"
_AUTH = {"user": "a name", "password-env": "the name of a variable", "password-file": "a path"}
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


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


def upstream_auth(value: object) -> UpstreamAuth:
    """Demand a user, and one place where the password is."""
    given = table(value, 'a table such as { user = "mirror", password-env = "UPSTREAM_PASSWORD" }')
    faults = {name: _unknown_upstream_word(name) for name in given if name not in _AUTH}
    words: dict[str, str] = {}
    for name, expected in _AUTH.items():
        try:
            if name in given:
                words[name] = _upstream_word(name, string(given[name], expected))
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    _check_upstream_places(words)
    file = words.get("password-file")
    return UpstreamAuth(words["user"], words.get("password-env"), Path(file) if file else None)


def upstream_auth_table(value: UpstreamAuth) -> dict[str, Any]:
    """Write it as a file has it."""
    written = (value.user, value.password_env, value.password_file)
    return {name: str(one) for name, one in zip(_AUTH, written, strict=True) if one is not None}


def _unknown_upstream_word(name: str) -> str:
    if name == "password":
        return "write no password here: name a variable with `password-env`, or a file with `password-file`"
    return f"unknown key{did_you_mean(name, _AUTH)}"


def variable_name(text: str) -> str:
    """Demand the name of a variable of the environment."""
    if _VARIABLE_NAME.fullmatch(text) is None:
        raise BadValue("expected the name of a variable: letters, digits and `_`")
    return text


def _upstream_word(name: str, text: str) -> str:
    return variable_name(text) if name == "password-env" else text


def _check_upstream_places(words: Mapping[str, str]) -> None:
    if "user" not in words:
        raise BadValue("needs `user`")
    places = [name for name in _AUTH if name.startswith("password-") and name in words]
    if not places:
        raise BadValue("needs `password-env` or `password-file`")
    if len(places) > 1:
        raise BadValue("has `password-env` and `password-file`: the password is in one place")
