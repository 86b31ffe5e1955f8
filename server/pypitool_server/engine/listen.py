"""Where the server listens: bound by the parent once, handed to the workers, refused to everybody else.

A port, or a socket in the file system.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from pypitool.core.errors import Kind, PypitoolError

# A peer whose machine went away is noticed after two minutes, one that reads nothing after five.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 60, 15, 4
UNREAD_MILLISECONDS = 300_000
# With SO_REUSEPORT Linux spreads connections over sockets; elsewhere the last one would get all of them.
SPREADS = sys.platform == "linux"

BACKLOG = 2048
PRIVILEGED_PORTS = 1024


class Listener(Protocol):
    """An address that is ours until it is closed."""

    @property
    def is_unix(self) -> bool:
        """Whether it is a socket in the file system."""

    @property
    def name(self) -> str:
        """The address as people write it."""

    @property
    def port(self) -> int:
        """The port, also when any free one was asked for; 0 where there is none."""

    def socket_of(self, number: int) -> socket.socket:
        """Return the listening socket of a worker, by its number from 0."""

    def others(self, number: int) -> Iterable[socket.socket]:
        """Return the sockets that this worker has nothing to do with."""

    def shrink(self, count: int) -> None:
        """Close the sockets of workers beyond this count: nobody would take what arrives there."""

    def close(self) -> None:
        """Give the address up."""


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


class UnixListener:
    """A socket in the file system, which all workers share."""

    is_unix = True

    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        _make_way(path)
        self._socket = _bound_unix(path, mode)
        self._inode = path.lstat().st_ino

    @property
    def name(self) -> str:
        """The address as people write it."""
        return f"unix:{self._path}"

    @property
    def port(self) -> int:
        """None: clients of the LAN reach the proxy in front."""
        return 0

    def socket_of(self, number: int) -> socket.socket:
        """Return the one socket."""
        return self._socket

    def others(self, number: int) -> Iterable[socket.socket]:
        """Return nothing: there is only one."""
        return ()

    def shrink(self, count: int) -> None:
        """Do nothing: whoever is left takes what arrives."""

    def close(self) -> None:
        """Give the address up."""
        with contextlib.suppress(OSError):
            # Never the socket of a server that took the place over.
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
        self._socket.close()


class AddressInUse(PypitoolError):
    """Somebody else listens there."""

    sentence = "cannot listen on {address}: another server does"
    hint = "stop the server that listens there, or choose another address with `{flag}`"
    address: str
    flag: str


class CannotListen(PypitoolError):
    """The address is not ours to listen on."""

    kind = Kind.CONFIG
    sentence = "cannot listen on {address}: {reason}"
    address: str
    reason: str
    hint: str | None = None


def refusal(error: OSError, name: str, *, flag: str) -> PypitoolError:
    """Say what an error of the system means to who started the server."""
    if error.errno == errno.EADDRINUSE:
        return AddressInUse(name, flag=flag)
    hint = None
    if error.errno == errno.EACCES and flag == "--port":
        hint = (
            f"ports below {PRIVILEGED_PORTS} need CAP_NET_BIND_SERVICE: "
            "`systemd/pypitool.service` gives it, a port above needs nothing"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        hint = "`--host 0.0.0.0` listens on every address of this machine"
    return CannotListen(name, (error.strerror or str(error)).lower(), hint)


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


def _make_way(path: Path) -> None:
    """Remove the socket of a server that is gone; refuse where one is alive, or another file lies."""
    name = f"unix:{path}"
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(error, name, flag="--unix-socket") from error
    if not is_socket:
        raise CannotListen(name, "a file that is no socket lies there", "remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        answer = probe.connect_ex(str(path))
    # EAGAIN: its queue is full, so somebody is alive and busy.
    if answer in (0, errno.EAGAIN):
        raise AddressInUse(name, flag="--unix-socket")
    if answer == errno.EACCES:
        raise CannotListen(name, os.strerror(answer).lower())
    path.unlink(missing_ok=True)


def _bound_unix(path: Path, mode: int) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # By the mask and not by chmod afterwards: there would be a moment with other permissions.
    before = os.umask(0o777 & ~mode)
    try:
        one.bind(str(path))
        one.listen(BACKLOG)
    except OSError as error:
        one.close()
        raise refusal(error, f"unix:{path}", flag="--unix-socket") from error
    finally:
        os.umask(before)
    return one
