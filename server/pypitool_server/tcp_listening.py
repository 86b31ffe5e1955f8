"""Listening on a port that no other server shares."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable

from pypitool_server.listening import BACKLOG, CannotListen, refusal

# A peer whose machine went away is noticed after two minutes, one that reads nothing after five.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 60, 15, 4
UNREAD_MILLISECONDS = 300_000
# With SO_REUSEPORT Linux spreads connections over sockets; elsewhere the last one would get all of them.
SPREADS = sys.platform == "linux"


class TcpListener:
    """A port. The first socket is bound alone, so that a second server is refused by the kernel.

    Only then do the others join it with SO_REUSEPORT, which spreads connections evenly over the workers;
    granian itself binds all of them so, and two servers would share the port without a word. The parent
    keeps them open: what waits in the queue of a dead worker is answered by the next one.
    """

    is_unix = False

    def __init__(self, host: str, port: int) -> None:
        family, address = _resolved(host, port)
        self._sockets = [_bound(family, address, name=_shown(host, port), shared=False)]
        self._family = family
        self._host = host
        self._address = self._sockets[0].getsockname()

    @property
    def port(self) -> int:
        """The port, also when any free one was asked for."""
        return int(self._address[1])

    @property
    def name(self) -> str:
        """The address as people write it."""
        return _shown(self._host, self.port)

    def socket_of(self, number: int) -> socket.socket:
        """Return the listening socket of a worker, made when it is asked for."""
        number = number if SPREADS else 0
        if number:
            self._sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        while len(self._sockets) <= number:
            self._sockets.append(_bound(self._family, self._address, name=self.name, shared=True))
        return self._sockets[number]

    def others(self, number: int) -> Iterable[socket.socket]:
        """Return the sockets of the other workers."""
        own = self.socket_of(number)
        return [one for one in self._sockets if one is not own]

    def shrink(self, count: int) -> None:
        """Close the sockets of workers beyond this count."""
        while len(self._sockets) > count:
            self._sockets.pop().close()

    def close(self) -> None:
        """Give the address up."""
        for one in self._sockets:
            one.close()


def _resolved(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    # granian takes addresses only.
    bare = host.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(bare or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotListen(_shown(host, port), error.strerror or str(error)) from error
    # `localhost` is ::1 as well; who writes it expects 127.0.0.1 to answer.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def _bound(family: int, address: tuple[object, ...], *, name: str, shared: bool) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    _tune(one)
    if shared:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        one.bind(address)
        one.listen(BACKLOG)
    except OSError as error:
        one.close()
        raise refusal(error, name, flag="--port") from error
    return one


def _tune(one: socket.socket) -> None:
    """Set what accepted connections inherit."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if sys.platform == "linux":
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
        # granian would wait for ever for a client that stopped reading; tcp(7): also a zero window ends.
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
