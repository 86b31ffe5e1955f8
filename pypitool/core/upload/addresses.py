"""Addresses of uploads, and of the simple index that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

# What people write behind the address of a server when they mean its uploads or its index.
_LAST_WORDS = ("legacy", "simple")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WhereTo:
    """What a command line says about where files go; what it does not say is looked up."""

    url: str | None = None
    repository: str | None = None
    index_url: str | None = None
    pypirc: Path | None = None
    ca: Path | None = None


def without_user(url: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], *parts[2:]))


def user_in(url: str) -> tuple[str | None, str | None]:
    """Return the user and the password that stand in an address."""
    parts = urlsplit(url)
    # A colon with nothing after it is an empty password, not a missing one.
    password = None if parts.password is None else unquote(parts.password)
    return unquote(parts.username) if parts.username else None, password


def server_of(url: str) -> str:
    """Return the address of a server, of which its uploads' or its index's was given; a slash at its end."""
    return _without_last(url, _LAST_WORDS)


def index_of(url: str, public_index: str) -> str:
    """Return the address of the simple index that belongs to an address of uploads."""
    if urlsplit(url).hostname in (_host("upload", public_index), urlsplit(public_index).hostname):
        return public_index
    # Old configurations upload to `/pypi`.
    return f"{_without_last(url, (*_LAST_WORDS, 'pypi'))}simple/"


def public_uploads(section: str, public_index: str) -> str:
    """Return where the public PyPI takes uploads, or the one for tests."""
    return f"https://{_host('upload' if section == 'pypi' else 'test', public_index)}/legacy/"


def is_same(one: str, other: str) -> bool:
    """Tell whether two addresses are the same but for their credentials and a last slash."""
    return _plain(one) == _plain(other)


def is_same_server(one: str, other: str) -> bool:
    """Tell whether two addresses are of one server: what one may know of credentials, the other may."""
    return _plain(one)[:3] == _plain(other)[:3]


def with_slash(url: str) -> str:
    """Return the address of an index as relative links on its pages need it."""
    return url if url.endswith("/") else f"{url}/"


def _without_last(url: str, words: tuple[str, ...]) -> str:
    parts = urlsplit(without_user(url))
    *path, last = parts.path.rstrip("/").split("/")
    kept = path if last in words else [*path, last]
    return urlunsplit((parts.scheme, parts.netloc, "/".join(kept).rstrip("/") + "/", "", ""))


def _host(name: str, public_index: str) -> str:
    return f"{name}.{urlsplit(public_index).hostname}"


def _plain(url: str) -> tuple[str, str | None, int | None, str, str]:
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/"), parts.query
