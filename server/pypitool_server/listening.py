"""Where the server listens: bound by the parent once, handed to the workers, refused to everybody else."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Protocol

from pypitool.core.errors import Kind, PypitoolError

BACKLOG = 2048
PRIVILEGED_PORTS = 1024


class AddressInUse(PypitoolError):
    """Somebody else listens there."""

    def __init__(self, address: str, *, flag: str) -> None:
        super().__init__(address, flag)
        self.address = address
        self.hint = f"stop the server that listens there, or choose another address with `{flag}`"

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: another server does"


class CannotListen(PypitoolError):
    """The address is not ours to listen on."""

    kind = Kind.CONFIG

    def __init__(self, address: str, reason: str, hint: str | None = None) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}"


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
