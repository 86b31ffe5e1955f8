"""Servers elsewhere: `[upstream.NAME]` to fetch from, `[remote.NAME]` to upload to and to manage.

As whom one speaks to them: a user with a password, or a token, each kept outside of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered
from pypitool.config.keys import demanded, setting
from pypitool.config.kinds import FLAG, GLOBS, PATH, SOME_SPAN, SPAN, URL, ValueKind, each_read, number, url
from pypitool.config.values import BadValue, inline_table, string, table
from pypitool.core.masking import masked_urls
from pypitool.core.text import did_you_mean

PUBLIC = "pypi"
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_UPSTREAM_WORDS = ("user", "password-env", "password-file")
_REMOTE_WORDS = (*_UPSTREAM_WORDS, "token-env", "token-file")


@dataclass(frozen=True, slots=True)
class UpstreamAuth:
    """A user, and where the password is; the password itself stands in no configuration."""

    user: str
    password_env: str | None = None
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RemoteAuth:
    """A user and where the password is, or where a token is; neither stands in a configuration."""

    user: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    token_env: str | None = None
    token_file: Path | None = None


def index(value: object) -> str:
    """Demand the address of a simple index, or the word for the public PyPI."""
    expected = f"an http or https URL, or `{PUBLIC}` for the public PyPI"
    text = string(value, expected).strip()
    if text == PUBLIC:
        return text
    try:
        return url(text)
    except BadValue:
        raise BadValue(f"expected {expected}, got `{masked_urls(text)}`") from None


def upstream_auth(value: object) -> UpstreamAuth:
    """Demand a user, and one place where the password is."""
    example = 'a table such as { user = "mirror", password-env = "UPSTREAM_PASSWORD" }'
    given = _auth_fields(value, _UPSTREAM_WORDS, example)
    if "user" not in given:
        raise BadValue("needs `user`")
    if len(given) == 1:
        raise BadValue("needs `password-env` or `password-file`")
    if len(given) == len(_UPSTREAM_WORDS):
        raise BadValue("has `password-env` and `password-file`: the password is in one place")
    return UpstreamAuth(**given)


def remote_auth(value: object) -> RemoteAuth:
    """Demand a token, or a user with a password, and one place where it is."""
    example = (
        'a table such as { token-env = "ACME_TOKEN" } or { user = "deploy", password-env = "ACME_PASSWORD" }'
    )
    given = _auth_fields(value, _REMOTE_WORDS, example)
    places = [name for name in _REMOTE_WORDS if name != "user" and name.replace("-", "_") in given]
    if not places:
        raise BadValue("needs one of " + ", ".join(f"`{name}`" for name in _REMOTE_WORDS if name != "user"))
    if len(places) > 1:
        raise BadValue(f"has `{places[0]}` and `{places[1]}`: one of them is enough")
    if places[0].startswith("password-") and "user" not in given:
        raise BadValue("needs `user`")
    if places[0].startswith("token-") and "user" in given:
        raise BadValue("has `user` and a token: a token needs no user")
    return RemoteAuth(**given)


def auth_table(value: UpstreamAuth | RemoteAuth) -> dict[str, Any]:
    """Write it as a file has it."""
    written = {one.name.replace("_", "-"): getattr(value, one.name) for one in fields(value)}
    return {name: str(one) for name, one in written.items() if one is not None}


def _auth_fields(value: object, known: Collection[str], example: str) -> dict[str, Any]:
    given = table(value, example)
    unknown = [name for name in given if name not in known]
    in_order = {name: given[name] for name in (*unknown, *known) if name in given}
    read = each_read(in_order, lambda name, one: _auth_value(name, one, known))
    return {name.replace("-", "_"): one for name, one in read.items()}


def _auth_value(name: str, value: object, known: Collection[str]) -> str | Path:
    if f"{name}-env" in known:
        raise BadValue(
            f"write no {name} here: name a variable with `{name}-env`, or a file with `{name}-file`"
        )
    if name not in known:
        raise BadValue(f"unknown key{did_you_mean(name, known)}")
    if name.endswith("-file"):
        return Path(string(value, "a path"))
    return variable_name(value) if name.endswith("-env") else string(value, "a name")


def variable_name(value: object) -> str:
    """Demand the name of a variable of the environment."""
    text = string(value, "the name of a variable")
    if _VARIABLE_NAME.fullmatch(text) is None:
        raise BadValue("expected the name of a variable: letters, digits and `_`")
    return text


INDEX = ValueKind("URL", index)
CONNECTIONS = number(1, 16)
RETRIES = number(0, 100)
AUTH = ValueKind("TABLE", upstream_auth, inline_table, auth_table)
REMOTE_AUTH = ValueKind("TABLE", remote_auth, inline_table, auth_table)


def _authorities() -> Any:
    return setting(
        None, "authorities to trust instead of the usual ones, PEM", kind=PATH, example="/etc/ssl/acme.pem"
    )


def _proxy() -> Any:
    return setting(
        None,
        "proxy to go through; default: the usual *_proxy variables",
        kind=URL,
        example="http://proxy.acme.example:3128",
    )


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """`[upstream.NAME]`: an index to fetch from."""

    name: str
    index: str = demanded(
        "address of the simple index, or `pypi` for the public PyPI",
        kind=INDEX,
        example="https://pypi.acme.example/simple/",
    )
    projects: tuple[str, ...] = setting(
        (), "globs of projects for which it alone is asked", kind=GLOBS, example="acme-*"
    )
    workers: int = setting(8, "connections at once, up to 16", kind=CONNECTIONS)
    retries: int = setting(5, "how often a request is tried again", kind=RETRIES)
    timeout: float = setting(60.0, "give up after this long without a byte", kind=SOME_SPAN)
    retry_after_max: float = setting(120.0, "come back later as it asks, if not later than this", kind=SPAN)
    auth: UpstreamAuth | None = setting(
        None,
        "user, and password-env or password-file; default: netrc",
        kind=AUTH,
        example='{ user = "mirror", password-env = "UPSTREAM_PASSWORD" }',
    )
    ca: Path | None = _authorities()
    proxy: str | None = _proxy()
    allow_unhashed: bool = setting(False, "take files for which it gives no sha256", kind=FLAG)


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """`[remote.NAME]`: another server, to upload to and to manage."""

    name: str
    url: str = demanded("address of the server", kind=URL, example="https://pypi.acme.example/")
    upload_url: str | None = setting(
        None, "where uploads are posted; default: url", kind=URL, example="https://pypi.acme.example/legacy/"
    )
    index_url: str | None = setting(
        None,
        "its simple index, asked what is there already; default: url and simple/",
        kind=URL,
        example="https://pypi.acme.example/simple/",
    )
    auth: RemoteAuth | None = setting(
        None,
        "user with password-env or password-file, or token-env or token-file; default: see upload",
        kind=REMOTE_AUTH,
        example='{ token-env = "ACME_TOKEN" }',
    )
    ca: Path | None = _authorities()
    proxy: str | None = _proxy()


def two_passwords(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield the addresses that name a user where `auth` does so as well."""
    for kind, key in (("upstream", "index"), ("remote", "url"), ("remote", "upload-url")):
        for name in gathered.names(kind):
            path = f"{kind}.{name}.{key}"
            address, auth = gathered.value(path), gathered.value(f"{kind}.{name}.auth")
            if auth is not None and address is not None and "@" in urlsplit(address).netloc:
                yield gathered.fault(path, "names a user, and so does `auth`: leave out one")
