"""The proxy in front: which forged headers of a client arrive through it, and whether files do.

The server is asked nothing that a stranger could not ask it: whether `/metrics` is open to this address, and
whether `/api/v1/may` answers somebody about himself. Who gets another answer with another header has found
that it arrives, so nothing new is needed that tells what did.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pypitool.config.kinds import UNIX
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.proxy_headers import (
    FORWARDED,
    X_FORWARDED_FOR,
    dropping_lines,
    hop_address,
    is_ambiguous,
    spellings,
)
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, info, warning
from pypitool.doctor.outside import LONGEST
from pypitool.upstream.upstream_errors import redacted

if TYPE_CHECKING:
    from pypitool.upstream.session import UpstreamSession

# A neighbour's, and one that nobody has (RFC 5737): who is believed gets another answer with the other.
_NEAR, _FAR = "127.0.0.1", "192.0.2.1"
_MOST_READ = 64 * 1024
# An engine may move the last header to the place of this one, and then the proxy's is no longer the last.
_ORDERS: tuple[dict[str, str], ...] = ({}, {"Content-Type": "text/plain"})


class NotTried(PypitoolError):
    """What is asked through the proxy does not tell forged headers from others."""

    kind = Kind.UNAVAILABLE
    sentence = "{reason} at {url}"
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A server, asked through its proxy."""

    session: UpstreamSession
    url: str

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        address = f"{self.url}{path}"
        with self.session.get(address, headers, within=address) as answer:
            return answer.status_code, next(answer.iter_content(_MOST_READ), b"")


def look_through(context: Context) -> Iterator[Finding]:
    """Send what a client would forge through the proxy, and tell what arrives."""
    if context.through is None or context.faults:
        return
    from pypitool.mirror.configured import upstream_at
    from pypitool.upstream.session import UpstreamSession

    proxy = replace(upstream_at("proxy", context.through), retries=0, timeout=LONGEST)
    session = UpstreamSession(proxy)
    try:
        yield from _tried(_Asked(session, proxy.index), context.settings)
        yield from _empty_files(_Asked(session, proxy.index), context)
    except (PypitoolError, OSError) as fault:
        yield warning(
            "proxy-untried", redacted(proxy.index), str(fault), "what clients can forge there is not known",
            "look whether the address is the server's at its proxy, and can be reached from here",
        )  # fmt: skip
    finally:
        session.close()


def _tried(asked: _Asked, settings: Settings) -> Iterator[Finding]:
    _demand_ours(asked)
    server, auth = settings.server, settings.auth
    for spelling in () if auth.header is None else spellings(auth.header):
        if any(_name_arrives(asked, spelling, order) for order in _ORDERS):
            yield _finding(asked, auth.header or "", spelling, "the name of the user")
    if server.trusted_proxies:
        header = server.forwarded_header or X_FORWARDED_FOR
        yield from _forged_addresses(asked, header, server.trusted_proxies)


def _empty_files(asked: _Asked, context: Context) -> Iterator[Finding]:
    """Ask for a file of which the server sends the name alone, and the proxy has to send the bytes."""
    sample = context.copied[0].sample if context.copied else None
    if context.settings.server.accel_redirect is None or sample is None:
        return
    # Who may not download here (401, 403) is told so, and learns nothing of bytes.
    if asked.get(f"packages/{quote(sample.filename)}") == (200, b""):
        what = f"`{sample.filename}` arrives empty through {redacted(asked.url)}"
        yield error(
            "files-empty", "accel-redirect", what, "nobody can install anything",
            "take the key away: only nginx sends files for it; or take the location from deploy/nginx.conf",
        )  # fmt: skip


def _demand_ours(asked: _Asked) -> None:
    status, body = asked.get("api/v1/")
    if status != 200 or b'"api"' not in body:
        raise NotTried(redacted(asked.url), f"no pypitool answers (but {status})")


def _forged_addresses(asked: _Asked, header: str, trusted: Collection[str]) -> Iterator[Finding]:
    is_trusted = _is_among(_own_address(asked.url), trusted)
    for spelling in spellings(header):
        # What a proxy of ours says of others is believed, and rightly so.
        if not (is_trusted and spelling == header) and any(
            _address_arrives(asked, header, spelling, order) for order in _ORDERS
        ):
            yield _finding(asked, header, spelling, "the address of the client")
    if is_trusted:
        yield info(
            "proxy-untried", header, f"{redacted(asked.url)} was asked by a machine that is a trusted proxy",
            "what that one says of others is believed, as it should be", "ask from another machine as well",
        )  # fmt: skip


def _own_address(url: str) -> str:
    """Return the address from which we ask."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_connection((parts.hostname or "", port), LONGEST) as connection:
        return str(connection.getsockname()[0])


def _is_among(address: str, networks: Collection[str]) -> bool:
    own = ip_address(hop_address(address) or address)
    return any(own in ip_network(network) for network in networks if network != UNIX)


def _name_arrives(asked: _Asked, spelling: str, order: dict[str, str]) -> bool:
    name = f"doctor-{secrets.token_hex(8)}"  # nobody's: it may what anybody may who has a name
    path = f"api/v1/may?who=user:{name}&action=list&project=doctor"
    if asked.get(path)[0] == 200:
        raise NotTried(redacted(asked.url), "who may ask about others cannot try to be them")
    status, body = asked.get(path, **order, **{spelling: name})
    return status == 200 and f'"user:{name}"'.encode() in body


def _address_arrives(asked: _Asked, header: str, spelling: str, order: dict[str, str]) -> bool:
    form = "for={}" if header == FORWARDED else "{}"
    near, far = (asked.get("metrics", **order, **{spelling: form.format(one)})[0] for one in (_NEAR, _FAR))
    if not {near, far} <= {200, 401, 403}:
        raise NotTried(redacted(asked.url), f"forged addresses cannot be tried: `/metrics` answers {far}")
    if near == far == 200 and asked.session.upstream.credentials is not None:
        raise NotTried(redacted(asked.url), "who may see `/metrics` from everywhere can try no address")
    return near != far


def _finding(asked: _Asked, header: str, spelling: str, what: str) -> Finding:
    if is_ambiguous(spelling) and spelling != header:
        lines = "; ".join(f"{proxy}: {line}" for proxy, line in dropping_lines(header))
        do = f"let the proxy drop every other spelling of {header} ({lines})"
    else:
        do = f"let the proxy drop the {header} of clients, and write its own"
    return error(
        "header-forged", spelling, f"what a client sends arrives through {redacted(asked.url)} as {what}",
        "whoever sends it is taken for somebody else", do,
    )  # fmt: skip
