"""What we ask of this machine: whole writes, locks, owners of files, types of file systems, and systemd.

Files that root makes in somebody else's state directory belong to that somebody: whatever makes one here
hands it over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat as stat_bits
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

FileStamp = tuple[int, int, int, int]

_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_000_000_000  # where only whole seconds are kept

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


# Our files and directories are everybody's to write nowhere, whatever the umask of who starts us.
FILE_MODE, DIRECTORY_MODE = 0o664, 0o775


def write_whole(path: Path, body: bytes, *, handed_over: bool = True) -> None:
    """Replace a small file in one step, so that nobody reads half of it.

    Not durable: it is for what a crash of the machine makes stale anyway, or what is written again.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = open_no_link(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(descriptor, "wb") as file:
        file.write(body)
        if handed_over:
            hand_over(temporary, descriptor)
    os.replace(temporary, path)


@contextmanager
def whole_file(path: Path, prepare: Callable[[Path], object]) -> Iterator[BinaryIO]:
    """Give a new file that takes its place at the end, in one step and with its bytes on the disk, or never.

    Only we may read it until `prepare`, which is given its path, has set whose it is and who may.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            prepare(temporary)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_no_link(path: Path, flags: int, mode: int = FILE_MODE) -> int:
    """Open a file where we keep ours; a link there is refused, also by root.

    The service's user may write in his state directory: a link of his would lead root's commands anywhere.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _linked(path) from error
        raise


def _linked(path: Path) -> OSError:
    return OSError(errno.ELOOP, "it is a link, and none is followed there", str(path))


@contextmanager
def folder_of_files(path: Path) -> Iterator[int]:
    """Give the descriptor of a directory that holds nothing but files of ours, made if it was missing.

    What is done by it is done there, whatever somebody puts in its place meanwhile; a link is refused.
    """
    if path.is_symlink():
        raise _linked(path)
    make_directory(path)
    folder = open_no_link(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def write_into(folder: int, name: str, body: bytes) -> None:
    """Do as `write_whole` by the descriptor of a directory."""
    temporary, flags = f".{name}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(temporary, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    with open(descriptor, "wb") as file:
        file.write(body)
        if os.geteuid() == 0:
            owner = os.fstat(folder)
            with suppress(PermissionError):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def open_to_read(path: Path) -> BinaryIO:
    """Open one of our files to read it, and no link."""
    return open(open_no_link(path, os.O_RDONLY), "rb")


def remove_foreign_link(path: Path) -> None:
    """Remove a link that another user has put where we keep a file, before somebody follows it for us."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if stat_bits.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
            path.unlink()


def open_or_make(path: Path, mode: int, flags: int = 0) -> int:
    """Open a file to read and write; one that is not there is made, and belongs to who owns the directory."""
    try:
        return open_no_link(path, flags | os.O_RDWR)
    except FileNotFoundError:
        descriptor = open_no_link(path, flags | os.O_RDWR | os.O_CREAT, mode)
        hand_over(path, descriptor)
        return descriptor


def locked(path: Path, mode: int, flags: int = 0) -> FileIO:
    """Open a file as `open_or_make` does, and hold its lock until it is closed."""
    # Opened by each holder: a lock belongs to the open file, and threads or a child that shared one would
    # release each other's.
    file = FileIO(open_or_make(path, mode, flags), "r+")
    lock(file.fileno())
    return file


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Wait for the lock of an open file; it is held until that is closed, or `unlock` is called."""
    fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def lock_now(descriptor: int) -> bool | None:
    """Lock an open file; False: somebody holds the lock; None: this file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            return None
        raise
    return True


def hold_off(path: Path, *, shared: bool = False) -> AbstractContextManager[object]:
    """Hold the lock of a file that is there for that alone; who may not write there holds none."""
    try:
        descriptor = open_or_make(path, FILE_MODE)
    except OSError:
        try:
            # Somebody else's file, or a disk that is read-only: enough to look at, and to be held off.
            descriptor = open_no_link(path, os.O_RDONLY)
        except FileNotFoundError:
            return nullcontext()
    file = FileIO(descriptor)
    lock(descriptor, shared=shared)
    return file


def unlock(descriptor: int) -> None:
    """Release the lock of a file that stays open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def hand_over(path: Path, descriptor: int | None = None) -> None:
    """Give a new file, by its descriptor where there is one, to the owner of its directory, if we may.

    An administrator's `sudo pypitool yank` must not leave a file that the server cannot write.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    with suppress(PermissionError):  # root in a container may lack the right
        if descriptor is not None:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        else:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def opened_to_service(path: Path, group: str = "pypitool") -> str | None:
    """Return the command by which the service's group may read a file that root alone may; None: it may.

    Where there is no such group the server is run by hand, or in a container, as root perhaps.
    """
    import grp  # only administrators' commands ask

    try:
        grp.getgrnam(group)
        found = path.stat()
    except (KeyError, OSError):
        return None
    is_roots = (found.st_uid, found.st_gid) == (0, 0) and not found.st_mode & stat_bits.S_IROTH
    return f"`chgrp {group} {path} && chmod g+r {path}` lets the service read it" if is_roots else None


def file_stamp(found: os.stat_result) -> FileStamp:
    """Return what tells a file from another one at its path, and from itself after a change."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def is_settled(stamp: FileStamp, now_ns: int) -> bool:
    """Tell whether a change from now on must show in the stamp.

    Two writes within one tick of the file system's clock leave the same: a file this young is read again.
    """
    tick = _TICK_NS if stamp[0] % 1_000_000_000 else _COARSE_TICK_NS
    return abs(now_ns - stamp[0]) >= tick


def make_directory(path: Path, mode: int = DIRECTORY_MODE) -> None:
    """Make a directory with what it lies in; each new one belongs to the owner of the one around it."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode, exist_ok=True)
    hand_over(path)


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a resolved path, by the text of `mountinfo`."""
    best, kind = -1, ""
    for mount, of_type in _mounts(mounts):
        # The last of equally deep ones: it was mounted over the others.
        if len(mount.parts) >= best and path.is_relative_to(mount):
            best, kind = len(mount.parts), of_type
    return kind


def is_mount_point(path: Path, mounts: str) -> bool:
    """Tell whether something is mounted right there, by the text of `mountinfo`.

    os.path.ismount does not see a directory that is mounted within its own file system.
    """
    return any(mount == path for mount, _ in _mounts(mounts))


def _mounts(text: str) -> Iterator[tuple[Path, str]]:
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        yield Path(_unescape(left.split(" ")[4])), right.split(" ")[0]


def show_myself() -> None:
    """Let a process that has changed its user be looked at in /proc by that user, as it is after an exec."""
    import ctypes  # only the beginning of a container changes its user

    # prctl(2): PR_SET_DUMPABLE is 4. Where it fails `docker exec` asks for the owner of the packages instead.
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)


def is_network(kind: str) -> bool:
    """Tell whether other machines may write to a file system of this type."""
    family, _, member = kind.partition(".")
    return kind in NETWORK_FILE_SYSTEMS or (family == "fuse" and member in NETWORK_FUSE)


def _unescape(text: str) -> str:
    # proc(5): space, tab, newline and backslash are written as octal escapes.
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text


class Notifier:
    """Tells systemd how the server is (sd_notify(3), by a plain socket); without one it does nothing."""

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
        import socket  # every start of a command would pay for it, and only servers need it

        # "If the first character of $NOTIFY_SOCKET is @, the string is understood as abstract socket".
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # nobody listens any more: a server that answers is worth more than its status


_LEFT_BEHIND_SECONDS = 60.0  # before that somebody may be about to lock it
_SCRATCH = "pypitool-scratch-"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Make a directory for the time of the block; it goes however that ends, by a signal too.

    What a process left that was killed outright goes with the next one: who still uses his holds its lock.
    """
    import shutil
    import tempfile

    _sweep_scratches(Path(tempfile.gettempdir()))
    with _ended_by_signals():
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            lock_now(descriptor)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _sweep_scratches(parent: Path) -> None:
    import shutil

    for folder in parent.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            found = folder.lstat()
            is_left = time.time() - found.st_mtime > _LEFT_BEHIND_SECONDS
            if found.st_uid != os.geteuid() or not stat_bits.S_ISDIR(found.st_mode) or not is_left:
                continue
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if lock_now(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let what would kill us outright end the block as Ctrl-C does, where nobody else has a use for it."""
    import signal
    import threading

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGTERM, signal.SIGHUP) if is_main else ()
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
