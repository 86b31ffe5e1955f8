"""Shares of the threads: what each kind of work may hold of them, and one address of each share.

A thread that waits for a client does nothing else. Whoever makes threads wait must never have all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_MOST_REMEMBERED = 4096
# A house or a host is given one such network, and every address in it.
_IPV6_PREFIX = 64


class Work(Enum):
    """What a thread can be busy with for as long as somebody else likes; the value is for messages."""

    SENDING = "downloads"
    RECEIVING = "uploads"
    SMALL = "requests with a body"
    PASSWORDS = "passwords being verified"
    UPSTREAMS = "questions to other servers"


# Of sixteen threads. The last two are nobody's: they are what pages always have.
SIXTEENTHS: Mapping[Work, int] = {
    Work.SENDING: 6,
    Work.RECEIVING: 2,
    Work.SMALL: 1,
    Work.PASSWORDS: 1,
    Work.UPSTREAMS: 4,
}
PAGES_SIXTEENTHS = 2
# With fewer there is not one for each kind of work, two for downloads and one for pages.
LEAST_THREADS = 8


def divided(threads: int) -> dict[Work, int]:
    """Return how many threads each kind of work may hold: at least one, and never those of the pages."""
    places = {work: max(1, threads * part // 16) for work, part in SIXTEENTHS.items()}
    others = sum(places.values()) - places[Work.SENDING] + max(1, threads * PAGES_SIXTEENTHS // 16)
    # Where the others were rounded up, the largest share has less.
    places[Work.SENDING] = max(1, min(places[Work.SENDING], threads - others))
    return places


def has_room(places: int, taken: int, held: int) -> bool:
    """Say whether somebody who holds `held` of the `taken` places may have one more.

    One address alone, of a firm or of a proxy that nobody declared, may have three quarters. Beyond that
    only those get in who hold no more than an eighth: no address can shut the door.
    """
    if taken < max(1, places * 3 // 4):
        return True
    return taken < places and held * 8 <= places


@lru_cache(_MOST_REMEMBERED)
def counted_as(address: str) -> str:
    """Return what an address is counted as: itself, or the /64 of IPv6 that its owner can choose from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address) or parsed.ipv4_mapped is not None:
        return address
    network = int(parsed) >> (128 - _IPV6_PREFIX) << (128 - _IPV6_PREFIX)
    return f"{IPv6Address(network)}/{_IPV6_PREFIX}"
