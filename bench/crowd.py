"""A crowd of strangers, in a process of its own: `python -m bench.crowd PORT SECONDS PATH ADDRESS...`.

Slow readers, slow writers, wrong passwords and idle connections, on loopback, in numbers and for a time that
are bounded. It says `ready` when all are there, and goes on until its input ends or its time is over.
"""

from __future__ import annotations

import base64
import itertools
import random
import resource
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from bench.http import HOST

READERS = 300
WRITERS = 300
GUESSES_PER_SECOND = 300
IDLE = 1_000
MOST_GUESSES_OPEN = 600
TICK_SECONDS = 0.02
# Who was sent away comes again.
AGAIN_SECONDS = 1.0
READ_BYTES, READ_SECONDS = 256, 6.0
WRITE_SECONDS = 1.0
PROMISED_BYTES = 500_000


@dataclass(slots=True, eq=False)
class Stranger:
    """One that stays: what it says first, and what it does how often."""

    address: str
    words: bytes
    every: float
    client: socket.socket | None = None
    next: float = 0.0


class Crowd:
    """All of them."""

    def __init__(self, port: int, path: str, addresses: Sequence[str]) -> None:
        self._port = port
        self._addresses = itertools.cycle(addresses)
        reading = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self._staying = [
            *(self._stranger(reading, READ_SECONDS) for _ in range(READERS)),
            *(self._stranger(self._upload(PROMISED_BYTES), WRITE_SECONDS) for _ in range(WRITERS)),
            *(self._stranger(b"", 1e9) for _ in range(IDLE)),
        ]
        self._guessing: dict[socket.socket, None] = {}
        self._selector = selectors.DefaultSelector()
        self._number = 0
        self._chance = random.Random(0)

    def come(self) -> None:
        """Let those who stay connect."""
        for one in self._staying:
            self._connect(one)

    def go_on(self, until: float) -> None:
        """Let all do what they do until a moment, or until the input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        began, guessed, looked = time.monotonic(), 0, 0.0
        while (now := time.monotonic()) < until:
            if now - looked >= TICK_SECONDS:
                looked = now
                self._act_all(now)
            # One after the other: they know nothing of each other, and do not come six at a time.
            is_due = guessed < (now - began) * GUESSES_PER_SECOND
            if is_due:
                guessed += 1
                self._guess()
            if self._hear(0 if is_due else 1 / GUESSES_PER_SECOND):
                return

    def _act_all(self, now: float) -> None:
        for one in self._staying:
            if now >= one.next:
                self._act(one, now)

    def _stranger(self, words: bytes, every: float) -> Stranger:
        return Stranger(next(self._addresses), words, every)

    def _connect(self, one: Stranger) -> None:
        one.client = connected(self._port, one.address)
        one.next = time.monotonic() + self._about(one.every)
        with suppress(OSError):
            one.client.send(one.words)

    def _about(self, seconds: float) -> float:
        # All came in one moment: without this they would come again, and act, in one moment each time.
        return seconds * self._chance.uniform(0.5, 1.5)

    def _act(self, one: Stranger, now: float) -> None:
        one.next = now + self._about(one.every)
        if one.client is None:
            self._connect(one)
            return
        try:
            if one.every == WRITE_SECONDS:
                one.client.send(b"x")
            is_over = one.client.recv(READ_BYTES) == b""
        except BlockingIOError:
            is_over = False
        except OSError:
            is_over = True
        if is_over:
            one.client.close()
            one.client, one.next = None, now + self._about(AGAIN_SECONDS)

    def _guess(self) -> None:
        self._number += 1
        credentials = base64.b64encode(f"user{self._number % 1000}:wrong{self._number}".encode()).decode()
        client = connected(self._port, next(self._addresses))
        with suppress(OSError):
            client.send(self._upload(1, f"Authorization: Basic {credentials}\r\nConnection: close\r\n"))
        self._guessing[client] = None
        self._selector.register(client, selectors.EVENT_READ)
        if len(self._guessing) > MOST_GUESSES_OPEN:
            self._leave(next(iter(self._guessing)))

    def _hear(self, seconds: float) -> bool:
        for key, _ in self._selector.select(seconds):
            if key.fileobj is sys.stdin:
                return True
            assert isinstance(key.fileobj, socket.socket)
            self._leave(key.fileobj)
        return False

    def _leave(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._guessing[client]
        client.close()

    @staticmethod
    def _upload(length: int, more: str = "") -> bytes:
        lines = ("POST / HTTP/1.1", f"Host: {HOST}", "Content-Type: multipart/form-data; boundary=x")
        head = "".join(f"{line}\r\n" for line in (*lines, f"Content-Length: {length}"))
        return f"{head}{more}\r\nx".encode()


def connected(port: int, address: str) -> socket.socket:
    """Connect from an address of this machine, with little room for what comes."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.bind((address, 0))
    client.connect((HOST, port))
    client.setblocking(False)
    return client


def main(arguments: Sequence[str]) -> None:
    """Be a crowd."""
    port, seconds, path, *addresses = arguments
    until = time.monotonic() + float(seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(int(port), path, addresses)
    crowd.come()
    print("ready", flush=True)
    crowd.go_on(until)


if __name__ == "__main__":
    main(sys.argv[1:])
