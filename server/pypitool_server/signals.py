"""Signals as something to wait for beside other things: no handler does more than to note them."""

from __future__ import annotations

import signal
import socket
from types import FrameType, TracebackType
from typing import Any

NOTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """While entered, collects the signals of this process; readable when there is one."""

    def __init__(self) -> None:
        self._noted: list[int] = []
        self._readable, self._writable = socket.socketpair()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        # A signal that arrives just before the wait would be slept over without this (signal-safe) byte.
        self._readable.setblocking(False)
        self._writable.setblocking(False)
        signal.set_wakeup_fd(self._writable.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._note) for number in NOTED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._readable.close()
        self._writable.close()

    @property
    def readable(self) -> socket.socket:
        """What to wait on."""
        return self._readable

    def take(self) -> list[int]:
        """Return the signals that came since the last time, in their order."""
        try:
            while self._readable.recv(4096):
                pass
        except BlockingIOError:
            pass
        noted, self._noted = self._noted, []
        return noted

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted.append(number)
