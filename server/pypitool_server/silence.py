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

from pypitool_server.proxies import plain

OWN_DESCRIPTORS = "/proc/self/fd"
# struct tcp_info of linux/tcp.h: eight bytes of state, nine counters, then the times in milliseconds.
TIMES = struct.Struct("=8x36xIIII")
# What is sent at the beginning of a body, `100 Continue`, does not count as talking.
CONTINUE_SECONDS = 1.0
LONGEST_LOOK_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Waiting:
    """A body that is being read: since when for its next bytes, and how long that may take."""

    address: str
    patience: float
    since: float
    silent: bool = False


class SilenceWatch:
    """Ends the bodies of peers that stopped sending in the middle of one."""

    def __init__(self) -> None:
        self._waiting: set[Waiting] = set()
        self._lock = threading.Lock()
        self._looking = False

    @contextmanager
    def over(self, address: str, patience: float) -> Iterator[Waiting]:
        """Watch over one body while it is read; `since` is kept up by the reader."""
        waiting = Waiting(address, patience, time.monotonic())
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
                if time.monotonic() - body.since >= body.patience:
                    _end(body)
            time.sleep(min(LONGEST_LOOK_SECONDS, *(body.patience / 4 for body in bodies)))


def _end(body: Waiting) -> None:
    for connection in _own_connections():
        with connection:
            if _is_silent(connection, body):
                body.silent = True
                connection.shutdown(socket.SHUT_RD)


def _is_silent(connection: socket.socket, body: Waiting) -> bool:
    """Say whether a connection of the body's peer has said nothing, and was answered nothing, for so long.

    A download in progress was answered later than it asked; an idle connection too: neither is meant.
    """
    try:
        if plain(connection.getpeername()[0]) != body.address:
            return False
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TIMES.size)
    except (OSError, IndexError, TypeError):  # not connected, or not TCP
        return False
    times: tuple[int, int, int, int] = TIMES.unpack(information)
    sent, received = times[0] / 1000, times[2] / 1000
    return received >= body.patience and sent >= received - CONTINUE_SECONDS


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
