"""Proxies: which peers are ours, whom they speak for, and under which address a client sees us."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from pypitool_server.http.wsgi_types import Environ

# An engine on a unix socket knows no address of its peer (granian gives "", gunicorn "localhost" or "").
UNIX = "unix"
MOST_REMEMBERED = 1024

# Everything else in these headers was written by somebody who wants it printed on a page.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_SCHEME = re.compile("https?")
_OWN = ("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
_FORWARDED = ("REMOTE_ADDR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX")


class TrustedProxies:
    """The peers whose forwarding headers count; nobody else's do."""

    def __init__(self, words: Iterable[str]) -> None:
        self._unix = UNIX in words
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(word) for word in words if word != UNIX
        )
        self._judged = lru_cache(MOST_REMEMBERED)(self._judge)

    def trusts(self, address: str) -> bool:
        """Say whether the peer with this address (none at all: a unix socket) is a trusted proxy."""
        return self._judged(address)

    def client(self, environ: Environ) -> str:
        """Return the address that asks: the peer's, or the last that no trusted proxy of ours has."""
        address: str = environ.get("REMOTE_ADDR") or ""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if not forwarded or not self.trusts(address):
            return plain(address)
        for hop in reversed(forwarded.split(",")):
            address = plain(hop.strip())
            if not self.trusts(address):
                break
        return address

    def _judge(self, address: str) -> bool:
        if not address:
            return self._unix
        try:
            parsed = ip_address(plain(address))
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


# Rules may ask for it at every request, and reading an address takes as long as all the rest.
@lru_cache(MOST_REMEMBERED)
def plain(address: str) -> str:
    """Write an IPv4 address that came over IPv6 (`::ffff:10.0.0.1`) as IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


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
            host = _forwarded(environ, "HOST", _HOST) or host
            prefix = _forwarded(environ, "PREFIX", _PREFIX) or prefix
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
