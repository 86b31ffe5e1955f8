"""What systemd is told: ready, reloading, stopping (sd_notify(3), by a plain socket)."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping


class Notifier:
    """Tells the service manager how the server is; without one it does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        """Say that requests are answered."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is being read again."""
        # sd_notify(3): MONOTONIC_USEC must be sent with RELOADING=1 by services of Type=notify-reload.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that running requests are being finished."""
        self._send("STOPPING=1", "STATUS=finishing running requests")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # "If the first character of $NOTIFY_SOCKET is @, the string is understood as abstract socket".
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # nobody listens any more: a server that answers is worth more than its status
