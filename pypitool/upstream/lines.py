"""The connections of a session: ended all at once, and with what they have received counted.

A thread that waits for a connection, a handshake or a byte hears of no order to stop. So its socket is shut
down from outside, and it goes on at once, with an error.
"""

from __future__ import annotations

import errno
import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from pypitool.core.giving_up import Traffic
from pypitool.core.limits import FILE_BYTES

# What reading an answer may end with.
BROKEN = (HTTPError, OSError)

_LONGEST_LOOKUP = 30.0
_TICK = 0.1
_AROUND = 16 * 1024**2

Found = list[tuple[Any, ...]]  # as `socket.getaddrinfo` has it
Find = Callable[[str, int | None], Found]


class _Counted(socket.socket):
    """A socket that tells when it waits for more of an answer, and what has come."""

    lines: Lines
    _came: int | None = None  # since something was sent; None: nothing, and that silence has its own end

    def sendall(self, *given: Any) -> None:
        self._came = None
        super().sendall(*given)

    def recv_into(self, *given: Any) -> int:
        waits, count = int(self._came is not None), 0
        self.lines.receives(waits, 0)
        try:
            count = super().recv_into(*given)
        finally:
            self.lines.receives(-waits, count)
        self._came = (self._came or 0) + count
        if self._came > self.lines.most:
            # Trailers and interim answers (RFC 9110, 15.2) may go on for ever, and no reader sees them.
            raise OSError(errno.EMSGSIZE, f"an answer of more than {self.lines.most} bytes")
        return count


class _CountedTls(_Counted, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self.lines.add(self)
        super().do_handshake(block)


def _find(host: str, port: int | None) -> Found:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class Lines:
    """Every connection of one session."""

    def __init__(self, most: int = FILE_BYTES.most, find: Find = _find) -> None:
        self._find = find
        self._most = most
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._received = self._receiving = self._asking = 0
        self.is_cut = False

    @property
    def most(self) -> int:
        """How much an answer may be for this thread, with what a body in chunks has between them."""
        return 2 * getattr(self._of_thread, "most", self._most) + _AROUND

    @contextmanager
    def at_most(self, most: int) -> Iterator[None]:
        """Let this thread receive bodies of this length only."""
        self._of_thread.most = most
        try:
            yield
        finally:
            del self._of_thread.most

    def cut(self) -> None:
        """End every connection, and let no other one begin."""
        with self._lock:
            self.is_cut = True
            ended = list(self._open)
        for line in ended:
            with suppress(OSError):
                # Not its own method: TLS would go on, unencrypted, with whatever is still to come.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def add(self, line: socket.socket) -> None:
        """Know a socket for as long as it lives; raise `OSError` when everything is over."""
        with self._lock:
            if self.is_cut:
                raise _cut_off()
            self._open.add(line)

    def receives(self, waits: int, count: int) -> None:
        """Count who waits in the middle of an answer, and what came."""
        with self._lock:
            self._receiving += waits
            self._received += count

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count somebody who waits for an answer to begin."""
        with self._lock:
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1

    def traffic(self, now: float) -> Traffic:
        """Say what has come until now, and who waits."""
        with self._lock:
            return Traffic(now, self._received, self._asking > 0, self._receiving > 0)

    def look_up(self, host: str, port: int | None) -> Found:
        """Return the addresses of a host. Nothing ends the look of the system's own, so it is left alone."""
        answers: queue.SimpleQueue[Found | OSError] = queue.SimpleQueue()

        def look() -> None:
            try:
                answers.put(self._find(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))

        threading.Thread(target=look, name="lookup", daemon=True).start()
        until = time.monotonic() + _LONGEST_LOOKUP
        while not self.is_cut and time.monotonic() < until:
            with suppress(queue.Empty):
                answer = answers.get(timeout=_TICK)
                if isinstance(answer, OSError):
                    raise answer
                return answer
        if self.is_cut:
            raise _cut_off()
        raise socket.gaierror(socket.EAI_AGAIN, f"nobody answers within {_LONGEST_LOOKUP:g} s")

    def connect(
        self, host: str, port: int | None, timeout: float | None, options: Sequence[Any]
    ) -> socket.socket:
        """Connect to the first address of a host that takes it."""
        fault: OSError = socket.gaierror(socket.EAI_NONAME, "it has no address")
        for family, kind, protocol, _, address in self.look_up(host, port):
            line = _Counted(family, kind, protocol)
            line.lines = self
            try:
                self.add(line)
                for option in options:
                    line.setsockopt(*option)
                line.settimeout(timeout)
                line.connect(address)
            except OSError as error:
                line.close()
                fault = error
            else:
                return line
        raise fault

    def tls_socket(self) -> type[ssl.SSLSocket]:
        """Return what a TLS context is to make of connections of ours."""
        return type("TlsSocket", (_CountedTls,), {"lines": self})

    def pools(self) -> Mapping[str, type[HTTPConnectionPool]]:
        """Return what urllib3 is to make connections with, by scheme."""
        lines = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connected(self, lines)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connected(self, lines)

        return {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
        }


def _connected(connection: HTTPConnection, lines: Lines) -> socket.socket:
    """Do what urllib3 does there (2.x, `HTTPConnection._new_conn`), with sockets of ours."""
    try:
        made = lines.connect(
            connection.host.strip("[]"), connection.port, connection.timeout, connection.socket_options or ()
        )
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"no connection within {connection.timeout:g} s") from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
    sys.audit("http.client.connect", connection, connection.host, connection.port)
    return made


def _cut_off() -> OSError:
    return OSError(errno.ECONNABORTED, "everything was ended")
