"""Listening on a socket in the file system."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

from pypitool_server.listening import BACKLOG, AddressInUse, CannotListen, refusal


class UnixListener:
    """A socket in the file system, which all workers share."""

    is_unix = True

    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        _make_way(path)
        self._socket = _bound(path, mode)
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


def _bound(path: Path, mode: int) -> socket.socket:
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
