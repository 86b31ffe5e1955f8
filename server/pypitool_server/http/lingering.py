"""What refused clients still send: read and dropped for a while, so that they come to read the answer.

An engine that has answered closes the connection, though the client is in the middle of its body; the kernel
then says "reset" to the client, and many a client forgets the answer over that. So one more descriptor keeps
the connection open, and when the engine has closed its own, what comes is dropped here until the client has
done, or the time is over. No thread of the engine waits meanwhile, and a trickle ends by the clock.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from pypitool_server.http.own_connections import Identity, OwnConnections, identity_of

SECONDS = 10.0
BYTES = 64 * 1024**2
MOST = 256
# What a refused client sent last came in this time, however long it took to refuse it.
RECENT_SECONDS = 5.0
POLL_SECONDS = 0.02
PIECE = 1024**2
# For so long as a look takes there is none afterwards, times this.
PAUSE_OF_LOOKS = 5
SHORTEST_PAUSE = 0.02


@dataclass(slots=True, eq=False)
class Kept:
    """A connection that is kept open."""

    number: int  # the engine's descriptor
    identity: Identity
    socket: socket.socket
    until: float
    is_ours: bool = False  # the engine has closed it
    dropped: int = 0


class Lingering:
    """Keeps the connections of refused clients open; one thread for all, and none while there are none."""

    def __init__(self, connections: OwnConnections) -> None:
        self._connections = connections
        self._kept: dict[Identity, Kept] = {}
        self._lock = threading.Lock()
        self._never_written = bytearray(PIECE)
        self._is_running = False
        self._wanted: set[str] = set()
        self._number = 0
        self._served = 0
        self._next_look = 0.0

    @property
    def count(self) -> int:
        """How many connections are kept open."""
        return len(self._kept)

    def keep(self, peer: str) -> None:
        """Keep open what this peer is sending by: only the engine knows which connection was refused."""
        with self._lock:
            self._wanted.add(peer)
            self._number += 1
            number = self._number
        with self._connections.lock:
            # Who had to wait for another one's look was looked for by it.
            if self._served < number:
                self._look()

    def _look(self) -> None:
        time.sleep(max(0.0, self._next_look - time.monotonic()))
        began = time.monotonic()
        with self._lock:
            peers, self._wanted, number = self._wanted, set(), self._number
        for connection in self._connections.all():
            if connection.peer in peers:
                sample = self._connections.sample()
                if sample is not None and sample.last_received < RECENT_SECONDS:
                    self._keep(connection.number, connection.identity)
        self._served = number
        now = time.monotonic()
        self._next_look = now + max(SHORTEST_PAUSE, PAUSE_OF_LOOKS * (now - began))

    def _keep(self, number: int, identity: Identity) -> None:
        with self._lock:
            if identity in self._kept or len(self._kept) >= MOST:
                return
            copy = self._connections.copy()
            if copy is None:
                return
            copy.setblocking(False)
            self._kept[identity] = Kept(number, identity, copy, time.monotonic() + SECONDS)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="lingering", daemon=True).start()

    def _run(self) -> None:
        # Not epoll, which takes a descriptor.
        with selectors.PollSelector() as selector:
            while self._goes_on():
                for kept in list(self._kept.values()):
                    self._follow(kept, selector)
                for key, _ in selector.select(POLL_SECONDS):
                    self._drop(key.data, selector)
                if not selector.get_map():
                    time.sleep(POLL_SECONDS)

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_running = bool(self._kept)
            return self._is_running

    def _follow(self, kept: Kept, selector: selectors.BaseSelector) -> None:
        if not kept.is_ours and identity_of(kept.number) != kept.identity:
            kept.is_ours = True
            # Nothing more comes from us: a client that would send its next request here looks for another.
            with suppress(OSError):
                kept.socket.shutdown(socket.SHUT_WR)
            selector.register(kept.socket, selectors.EVENT_READ, kept)
        if time.monotonic() > kept.until:
            self._forget(kept, selector)

    def _drop(self, kept: Kept, selector: selectors.BaseSelector) -> None:
        try:
            # tcp(7): MSG_TRUNC throws the bytes away without a copy.
            count = kept.socket.recv_into(self._never_written, 0, socket.MSG_TRUNC)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        kept.dropped += count
        if not count or kept.dropped > BYTES:
            self._forget(kept, selector)

    def _forget(self, kept: Kept, selector: selectors.BaseSelector) -> None:
        if kept.is_ours:
            selector.unregister(kept.socket)
        kept.socket.close()
        with self._lock:
            del self._kept[kept.identity]
