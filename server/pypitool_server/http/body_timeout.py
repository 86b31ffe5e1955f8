"""Bodies that fall silent: the engine waits for the next byte for ever, so somebody has to look.

granian's `wsgi.input.read` returns when it has what was asked for or the connection has ended, and knows no
timeout (2.8). The kernel knows how long a connection has been silent. Closing its receiving half is an end
of the body for the engine: the blocked read returns, and the answer still reaches the client (tried).
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pypitool_server.http.proxies import plain

OWN_DESCRIPTORS = "/proc/self/fd"
# Of struct tcp_info in linux/tcp.h: tcpi_last_data_sent and tcpi_last_data_recv (milliseconds ago), and
# tcpi_bytes_acked and tcpi_bytes_received.
TIMES = struct.Struct("=44xI4xI64xQQ")
# The times go by ticks of up to 10 ms, and `100 Continue` or a TLS ticket may be sent beside the first bytes.
SHORTLY_AFTER_SECONDS = 1.0
LONGEST_LOOK_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class WatchedBody:
    """A body that is being read: since when for its next bytes, and how long that may take."""

    address: str
    patience: float
    since: float
    silent: bool = False


class BodyTimeout:
    """Ends the bodies of peers that stopped sending in the middle of one."""

    def __init__(self) -> None:
        self._waiting: set[WatchedBody] = set()
        self._lock = threading.Lock()
        self._looking = False

    @contextmanager
    def over(self, address: str, patience: float) -> Iterator[WatchedBody]:
        """Watch over one body while it is read; `since` is kept up by the reader."""
        waiting = WatchedBody(address, patience, time.monotonic())
        with self._lock:
            self._waiting.add(waiting)
            if not self._looking:
                # Not one thread for each body, and none at all while there are none.
                self._looking = True
                threading.Thread(target=self._look, name="silence", daemon=True).start()
        try:
            yield waiting
        finally:
            with self._lock:
                self._waiting.discard(waiting)

    def _look(self) -> None:
        while True:
            with self._lock:
                bodies = list(self._waiting)
                if not bodies:
                    self._looking = False
                    return
            for body in bodies:
                _end_if_silent(body, bodies)
            time.sleep(min(LONGEST_LOOK_SECONDS, *(body.patience / 4 for body in bodies)))


def _end_if_silent(body: WatchedBody, bodies: list[WatchedBody]) -> None:
    # We cannot tell which connection of a peer is whose: the most patient of its bodies decides for all.
    patience = max(other.patience for other in bodies if other.address == body.address)
    waited = time.monotonic() - body.since
    if waited < patience:
        return
    for connection in _own_connections():
        with connection:
            if _is_of(connection, body.address) and _is_silent(connection, patience, waited):
                body.silent = True
                connection.shutdown(socket.SHUT_RD)


def _is_of(connection: socket.socket, address: str) -> bool:
    try:
        peer = connection.getpeername()
    except OSError:
        return False
    return isinstance(peer, tuple) and plain(str(peer[0])) == address


def _is_silent(connection: socket.socket, patience: float, waited: float) -> bool:
    """Say whether a connection is in the middle of a request, and nothing has come for so long.

    A download in progress, or a connection that idles, was answered after it asked: neither is meant. Where
    the two times are too close to tell, a body has to wait twice as long, and idle connections go with it.
    """
    try:
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TIMES.size)
        sent, received, acknowledged, heard = TIMES.unpack(information)
    except (OSError, struct.error):  # not TCP, or a kernel that knows less
        return False
    if not heard or received / 1000 < patience:
        return False
    if acknowledged <= 1 or sent > received:
        return True
    is_close = (received - sent) / 1000 < SHORTLY_AFTER_SECONDS
    return is_close and waited >= 2 * patience


def _own_connections() -> Iterator[socket.socket]:
    try:
        numbers = [int(name) for name in os.listdir(OWN_DESCRIPTORS)]
    except OSError:  # not Linux: nobody ends silent bodies there
        return
    for number in numbers:
        try:
            copy = os.dup(number)
        except OSError:
            continue
        try:
            yield socket.socket(fileno=copy)
        except OSError:  # not a socket
            os.close(copy)
