"""On what sort of file system a directory lies, by what Linux says of its mounts.

Files that root makes in somebody else's state directory belong to that somebody.

What systemd is told: ready, reloading, stopping (sd_notify(3), by a plain socket).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# SQLite's journal needs memory that is shared between processes, and locks that hold: file systems that
# other machines write to promise neither. By name and not by the magic of statfs: there every file system
# in user space is one and the same, be it on a local disk or sshfs.
# fmt: off
NETWORK_FILE_SYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "vboxsf",
})
NETWORK_FUSE = frozenset({
    "ceph", "cephfs", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "moosefs", "nfs",
    "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs", "vmhgfs-fuse",
})
# fmt: on


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a resolved path, by the text of `mountinfo`."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(_unescape(left.split(" ")[4]))
        # The last of equally deep ones: it was mounted over the others.
        if len(mount.parts) >= best and path.is_relative_to(mount):
            best, kind = len(mount.parts), right.split(" ")[0]
    return kind


def is_network(kind: str) -> bool:
    """Tell whether other machines may write to a file system of this type."""
    family, _, member = kind.partition(".")
    return kind in NETWORK_FILE_SYSTEMS or (family == "fuse" and member in NETWORK_FUSE)


def _unescape(text: str) -> str:
    # proc(5): space, tab, newline and backslash are written as octal escapes.
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text


def hand_over(path: Path) -> None:
    """Give a new file to the owner of its directory, if we may.

    An administrator's `sudo pypitool yank` must not leave a file that the server cannot write.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    with suppress(PermissionError):  # root in a container may lack the right
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make a directory with what it lies in; each new one belongs to the owner of the one around it."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode, exist_ok=True)
    hand_over(path)


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
