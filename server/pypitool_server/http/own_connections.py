"""The connections of this process: found among its descriptors, and what the kernel has counted of each.

The engine tells no application which connection a request came by, and the kernel knows each of them.
"""

from __future__ import annotations

import os
import resource
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from pypitool.core.pace import Sample
from pypitool_server.http.proxies import plain

OWN_DESCRIPTORS = "/proc/self/fd"
# Of struct tcp_info in linux/tcp.h: tcpi_unacked; tcpi_last_data_sent and tcpi_last_data_recv (milliseconds
# ago); tcpi_bytes_acked, tcpi_bytes_received; tcpi_notsent_bytes. A kernel that knows less counts nothing.
TCP_INFO = struct.Struct("=24xI16xI4xI64xQQ8xI")

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OwnConnection:
    """A connection that somebody made to a port of ours."""

    number: int  # of the descriptor, for as long as it stands for `identity`
    identity: Identity
    peer: str


class OwnConnections:
    """Looks through the descriptors of this process; who uses it holds its lock.

    Everything is looked at through one more descriptor, which is made once: it holds what it looks at, so
    that nobody can put another connection in its place meanwhile, and it is there when there are no more.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._probe = _any_socket()
        self._nothing = _any_socket()
        self._ports: set[int] = set()
        self._known: dict[int, tuple[Identity, OwnConnection | None]] = {}

    def all(self) -> Iterator[OwnConnection]:
        """Iterate over the connections; until the next one is asked for, each can be looked at and ended."""
        numbers = [number for number in _own_descriptors() if number != self._probe.fileno()]
        if not self._ports:
            self._find_ports(numbers)
        known = self._known
        self._known = {}
        try:
            for number in numbers:
                if (identity := self._look_at(number)) is None:
                    continue
                before = known.get(number)
                if before is None or before[0] != identity:
                    before = identity, self._connection(number, identity)
                self._known[number] = before
                if before[1] is not None:
                    yield before[1]
        finally:
            self._let_go()

    def sample(self) -> Sample | None:
        """Read what the kernel has counted of the connection that was returned last."""
        try:
            information = self._probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
            unacked, sent, heard, acked, received, waiting = TCP_INFO.unpack(information)
        except (OSError, struct.error):  # not TCP, or a kernel that knows less
            return None
        return Sample(time.monotonic(), received, acked, waiting, unacked, sent / 1000, heard / 1000)

    def end_receiving(self) -> None:
        """Let the engine read an end from the connection that was returned last; it can still answer."""
        with suppress(OSError):
            self._probe.shutdown(socket.SHUT_RD)

    def end(self) -> None:
        """End the connection that was returned last, and what was written to it."""
        with suppress(OSError):
            # What nobody takes would wait in the kernel for minutes after the engine has closed it.
            self._probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._probe.shutdown(socket.SHUT_RDWR)

    def copy(self) -> socket.socket | None:
        """Return one more descriptor of the connection that was returned last."""
        try:
            return self._probe.dup()
        except OSError:  # there are no more
            return None

    def close(self) -> None:
        """Close what it looks through."""
        self._probe.close()
        self._nothing.close()

    def _look_at(self, number: int) -> Identity | None:
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                return None
            os.dup2(number, self._probe.fileno(), inheritable=False)
        except OSError:  # closed since it was listed
            return None
        found = os.fstat(self._probe.fileno())
        if stat.S_ISSOCK(found.st_mode):
            return found.st_dev, found.st_ino
        # A file came under that number meanwhile. Its copy is never closed: fcntl(2) locks of a process end
        # when it closes any descriptor of the file, and SQLite holds such locks.
        self._probe.detach()
        self._probe = _any_socket()
        return None

    def _connection(self, number: int, identity: Identity) -> OwnConnection | None:
        if self._port() not in self._ports or self._is_listening():
            return None
        try:
            return OwnConnection(number, identity, plain(str(self._probe.getpeername()[0])))
        except OSError:  # it has ended
            return None

    def _find_ports(self, numbers: list[int]) -> None:
        for number in numbers:
            if self._look_at(number) is not None and self._is_listening():
                self._ports.add(self._port())
        self._ports.discard(0)

    def _is_listening(self) -> bool:
        return bool(self._probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))

    def _port(self) -> int:
        domain = self._probe.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
        if domain not in (socket.AF_INET, socket.AF_INET6):
            return 0
        return int(self._probe.getsockname()[1])

    def _let_go(self) -> None:
        # Else the last one that was looked at stayed open until the next look.
        os.dup2(self._nothing.fileno(), self._probe.fileno(), inheritable=False)


def identity_of(number: int) -> Identity | None:
    """Return what a descriptor stands for now; None: nothing."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def can_be_watched() -> bool:
    """Say whether this system tells of its connections."""
    return sys.platform == "linux" and os.path.isdir(OWN_DESCRIPTORS)


def _own_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir(OWN_DESCRIPTORS)]
    except OSError:
        # To list them takes one more. There is none: then every number stands for something.
        return list(range(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


def _any_socket() -> socket.socket:
    # Of IPv6 where there is one: addresses of IPv4 fit into the room that Python keeps for those.
    try:
        return socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    except OSError:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
