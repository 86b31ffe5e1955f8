"""Where a client of other indexes goes: each address that a page or a redirect names is judged here.

Any host may have the files of an index, as the public one shows. So what counts is the way and the place:
never from https to http, and neither to this machine nor to a link-local address (where clouds hand out
credentials), unless the index itself is there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

# What comes before the path, as the client that will connect takes it apart.
_AUTHORITY = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^\\/?#]*)")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_EMBEDDING = IPv6Network("64:ff9b::/96")  # RFC 6052: an address of IPv4 in its last 32 bits
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An address, and the IP addresses of its host as far as they are known: behind a proxy they are not."""

    url: str
    hosts: tuple[str, ...] = ()


class Zone(str, Enum):
    """Where only an index goes that is there itself."""

    LOOPBACK = "an address of this machine"
    LINK_LOCAL = "a link-local address"


def refusal(index: WebAddress, target: WebAddress, before: str | None = None) -> str | None:
    """Return what an address is that is not gone to, or None; `before` has redirected to it."""
    host = host_of(target.url)
    if host is None:
        return "no http address"
    is_secure = any(url.startswith("https:") for url in (index.url, before or ""))
    if is_secure and urlsplit(target.url).scheme != "https":
        return "not https"
    if host == host_of(index.url):
        return None
    elsewhere = set(_zones(host, target.hosts)) - set(_zones(host_of(index.url) or "", index.hosts))
    return min(elsewhere).value if elsewhere else None


def is_same_host(first: str, second: str) -> bool:
    """Tell whether two addresses are of one host, whatever the port."""
    return host_of(first) is not None and host_of(first) == host_of(second)


def may_see_credentials(index: str, url: str) -> bool:
    """Tell whether what opens an index may be sent to an address: the same origin, or the same with TLS."""
    if not is_same_host(index, url):
        return False
    return _origin(url) == _origin(index) or (_origin(index), _origin(url)) == (
        ("http", 80),
        ("https", 443),
    )


def host_of(url: str) -> str | None:
    """Return the host of an http address, as it will be connected to; None when there is none."""
    found = _AUTHORITY.match(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    # Two readings of one address would let one be judged and the other be gone to.
    if found is None or found[1] != parts.netloc or parts.scheme not in _PORTS or not host:
        return None
    host = unicodedata.normalize("NFKC", host).rstrip(".").lower()
    # `127.1` and `0x7f000001` are addresses for the system, and for nobody else.
    return host if _ip(host) is not None or not _NUMBER.fullmatch(host) else None


def _zones(host: str, addresses: tuple[str, ...]) -> Iterator[Zone]:
    if host == "localhost" or host.endswith(".localhost"):
        yield Zone.LOOPBACK
    for text in (host, *addresses):
        ip = _ip(text)
        if ip is None:
            continue
        if ip.is_loopback or ip.is_unspecified or (ip.version == 4 and ip.packed[0] == 0):
            yield Zone.LOOPBACK
        elif ip.is_link_local:
            yield Zone.LINK_LOCAL


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        if ip in _EMBEDDING:
            return IPv4Address(ip.packed[-4:])
        return ip.ipv4_mapped or ip
    return ip


def _origin(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.port or _PORTS.get(parts.scheme)
