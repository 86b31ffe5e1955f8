"""Proxies: which peers are ours, whom they speak for, and under which address a client sees us."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from pypitool.core.proxy_headers import (
    FORWARDED,
    X_FORWARDED_FOR,
    hop_address,
    hops_of_forwarded,
    hops_of_list,
)
from pypitool_server.http.wsgi_types import Environ

# An engine on a unix socket knows no address of its peer (granian gives "", gunicorn "localhost" or "").
UNIX = "unix"
MOST_REMEMBERED = 1024

# Everything else in these headers was written by somebody who wants it printed on a page.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
# pypiserver's README has the prefix behind the host: `X-Forwarded-Host $host:$server_port/pypi`.
_HOST_AND_PREFIX = re.compile(f"{_HOST.pattern}(?:{_PREFIX.pattern})?")
_SCHEME = re.compile("https?")
_OWN = ("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
_FORWARDED = ("REMOTE_ADDR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX")


class TrustedProxies:
    """The peers whose forwarding headers count; nobody else's do."""

    def __init__(self, words: Iterable[str], *, header: str | None = None) -> None:
        self._unix = UNIX in words
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(word) for word in words if word != UNIX
        )
        self._judged = lru_cache(MOST_REMEMBERED)(self._judge)
        # Where the environment has what the proxies tell.
        self.variable = variable_of(header or X_FORWARDED_FOR)
        self._hops = hops_of_forwarded if header == FORWARDED else hops_of_list

    def trusts(self, address: str) -> bool:
        """Say whether the peer with this address (none at all: a unix socket) is a trusted proxy."""
        return self._judged(address)

    def client(self, environ: Environ) -> str:
        """Return the address that asks: what a trusted proxy tells, or else the peer's."""
        return self.told(environ) or plain(environ.get("REMOTE_ADDR") or "")

    def told(self, environ: Environ) -> str | None:
        """Return the last address that no trusted proxy of ours has, if a trusted proxy tells one.

        What is no address ends the walk: whoever wrote it wrote all that is before it, too.
        """
        header = environ.get(self.variable)
        if not header or not self.trusts(environ.get("REMOTE_ADDR") or ""):
            return None
        last = None
        for hop in self._hops(header):
            address = hop_address(hop)
            if address is None:
                break
            last = address
            if not self.trusts(address):
                break
        return last

    def _judge(self, address: str) -> bool:
        if not address:
            return self._unix
        try:
            parsed = ip_address(plain(address))
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def variable_of(header: str) -> str:
    """Return the key under which the environment has a header."""
    return "HTTP_" + header.upper().replace("-", "_")


# Rules may ask for it at every request, and reading an address takes as long as all the rest.
@lru_cache(MOST_REMEMBERED)
def plain(address: str) -> str:
    """Write the address of a peer as others write it: IPv4 that came over IPv6 as IPv4."""
    return hop_address(address) or address


class ExternalAddress:
    """Reads the address from the request, and from `X-Forwarded-*` where the peer is a trusted proxy."""

    def __init__(self, proxies: TrustedProxies, *, mount: str, behind_proxy: bool) -> None:
        self._proxies = proxies
        self._mount = mount.rstrip("/")
        # The keys of the environment that `base_url` reads, for `mark_replayable`.
        self.uses = _OWN + _FORWARDED if behind_proxy else _OWN

    def base_url(self, environ: Environ) -> str:
        """Return the address of the start page, with its last slash."""
        scheme, host, prefix = environ["wsgi.url_scheme"], _host(environ), environ.get("SCRIPT_NAME", "")
        if self._proxies.trusts(environ.get("REMOTE_ADDR") or ""):
            scheme = _forwarded(environ, "PROTO", _SCHEME) or scheme
            told, slash, behind = (_forwarded(environ, "HOST", _HOST_AND_PREFIX) or "").partition("/")
            host = told or host
            prefix = _forwarded(environ, "PREFIX", _PREFIX) or slash + behind or prefix
        return f"{scheme}://{host}{quote(prefix.rstrip('/'))}{self._mount}/"


def _host(environ: Environ) -> str:
    named = environ.get("HTTP_HOST", "")
    if _HOST.fullmatch(named):
        return str(named)
    return f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def _forwarded(environ: Environ, what: str, pattern: re.Pattern[str]) -> str | None:
    # The last value is the one that the proxy next to us has added.
    value = str(environ.get(f"HTTP_X_FORWARDED_{what}", "")).rpartition(",")[2].strip().rstrip("/")
    return value if pattern.fullmatch(value) else None
