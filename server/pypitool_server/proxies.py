"""Which peers are proxies of ours, and whom they speak for."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pypitool_server.gateway import Environ

UNIX = "unix"
# An engine on a unix socket knows no address of its peer (granian gives "", gunicorn "localhost" or "").
MOST_REMEMBERED = 1024


class TrustedProxies:
    """The peers whose forwarding headers count; nobody else's do."""

    def __init__(self, words: Iterable[str]) -> None:
        self._unix = UNIX in words
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(word) for word in words if word != UNIX
        )
        self._remembered: dict[str, bool] = {}
        self._plain: dict[str, str] = {}

    def trusts(self, address: str) -> bool:
        """Say whether the peer with this address (none at all: a unix socket) is a trusted proxy."""
        known = self._remembered.get(address)
        if known is None:
            known = self._judge(address)
            if len(self._remembered) < MOST_REMEMBERED:
                self._remembered[address] = known
        return known

    def client(self, environ: Environ) -> str:
        """Return the address that asks: the peer's, or the last that no trusted proxy of ours has."""
        address: str = environ.get("REMOTE_ADDR") or ""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if not forwarded or not self.trusts(address):
            return self._plain.get(address) or self._made_plain(address)
        for hop in reversed(forwarded.split(",")):
            hop = hop.strip()
            address = self._plain.get(hop) or self._made_plain(hop)
            if not self.trusts(address):
                break
        return address

    def _made_plain(self, address: str) -> str:
        # Rules may ask for it at every request, and reading an address takes as long as all the rest.
        if len(self._plain) >= MOST_REMEMBERED:
            self._plain.clear()
        return self._plain.setdefault(address, plain(address))

    def _judge(self, address: str) -> bool:
        if not address:
            return self._unix
        try:
            parsed = ip_address(plain(address))
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def plain(address: str) -> str:
    """Write an IPv4 address that came over IPv6 (`::ffff:10.0.0.1`) as IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
