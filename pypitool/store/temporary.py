"""Temporary files: hidden until they get their name, and told from those whose writer is gone."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat as stat_bits
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pypitool.core.model import FileStat, Location
from pypitool.core.state_files import INCOMING
from pypitool.host import hand_over, lock_now
from pypitool.store.failures import writing
from pypitool.store.opened import Opened, open_regular, opened_folder, stat_of

_SUFFIX = ".part"
# Where a file system knows no locks, a writer counts as gone when it has been silent for so long (seconds).
SILENT_WRITER_IS_GONE_AFTER = 3600.0
# Everybody may read a package; the umask of whoever runs a mirror by hand must not hide it from the server.
_MODE = 0o644


class TemporaryFile:
    """A file that nobody sees yet. Its lock tells others that its writer lives, also after it got its name:
    a link has the same inode."""

    def __init__(self, root: Path, number: int, folder: str, name: str, file: BinaryIO) -> None:
        self._hidden_folder = root / folder / INCOMING
        self._placed = False
        self.folder = folder  # for which it was made, below the root
        self.name = name  # inside the hidden folder
        self.location = Location(number, "/".join(filter(None, (folder, INCOMING, name))))
        self.file = file

    def __enter__(self) -> TemporaryFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def descriptor(self) -> int:
        """The open file, in which everything is that was flushed."""
        return self.file.fileno()

    def write(self, data: bytes) -> None:
        """Append some bytes."""
        with writing(self._hidden_folder):
            self.file.write(data)

    def flush(self) -> None:
        """Let everything that was written be read through the descriptor."""
        with writing(self._hidden_folder):
            self.file.flush()

    def seal(self) -> None:
        """Bring every byte to the disk; nothing is written after that."""
        with writing(self._hidden_folder):
            self.file.flush()
            os.fchmod(self.file.fileno(), _MODE)
            os.fsync(self.file.fileno())

    def stat(self) -> FileStat:
        """Return its stat of this moment."""
        return stat_of(os.fstat(self.file.fileno()))

    def placed(self) -> None:
        """Note that the hidden name is gone, and that the file is to stay."""
        self._placed = True

    def close(self) -> None:
        """Release the lock, and remove the file unless it was placed."""
        if self.file.closed:
            return
        if not self._placed:
            with contextlib.suppress(OSError):
                (self._hidden_folder / self.name).unlink()
        # What is still buffered of a file that nobody wants must not raise (the disk may be full).
        with contextlib.suppress(OSError):
            self.file.close()


def create_temporary(root: Path, number: int, folder: str) -> TemporaryFile:
    """Create a locked file in the hidden folder of `folder`."""
    incoming = root / folder / INCOMING
    while True:
        name = secrets.token_hex(8) + _SUFFIX
        try:
            descriptor = os.open(incoming / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            _make_hidden(root, folder)
            continue
        lock_now(descriptor)
        # Between its creation and its lock a sweep may have taken it for a dead writer's.
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)
    return TemporaryFile(root, number, folder, name, os.fdopen(descriptor, "w+b", buffering=1 << 16))


def adopt_temporary(root: Path, number: int, folder: str, source: Path) -> TemporaryFile:
    """Move a whole file of the same file system into the hidden folder of `folder`, locked."""
    _make_hidden(root, folder)
    incoming = root / folder / INCOMING
    name = secrets.token_hex(8) + _SUFFIX
    descriptor = os.open(source, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Locked before it is seen there: a sweep takes only what nobody holds.
        lock_now(descriptor)
        os.rename(source, incoming / name)
    except BaseException:
        os.close(descriptor)
        raise
    return TemporaryFile(root, number, folder, name, os.fdopen(descriptor, "r+b", buffering=1 << 16))


def sweep_incoming(root: Path, folder: str) -> tuple[str, ...]:
    """Remove what writers that are gone left in the hidden folder of `folder`."""
    swept = []
    before = time.time() - SILENT_WRITER_IS_GONE_AFTER
    try:
        with opened_folder(root, "/".join(filter(None, (folder, INCOMING)))) as incoming:
            for name in os.listdir(incoming):
                if name.endswith(_SUFFIX) and _is_left(incoming, name, before):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=incoming)
                        swept.append(name)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ()
    return tuple(swept)


def _is_left(incoming: int, name: str, before: float) -> bool:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=incoming)
    except OSError:
        return False
    try:
        locked = lock_now(descriptor)
        return locked is True or (locked is None and os.fstat(descriptor).st_mtime < before)
    finally:
        os.close(descriptor)


def _make_hidden(root: Path, folder: str) -> None:
    outer = root / folder
    if not outer.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(outer))
    for step in INCOMING.split("/"):
        inner = outer / step
        with contextlib.suppress(FileExistsError):
            inner.mkdir(0o700)
            # Whoever may write into the folder may also write into the hidden one.
            hand_over(inner)
            inner.chmod(stat_bits.S_IMODE(outer.stat().st_mode) & 0o2770 | 0o700)
        outer = inner


@dataclass(frozen=True, slots=True)
class Leftover:
    """A temporary file and the file at the place it was meant for, locked against other rescuers."""

    root: Path
    temporary: str
    location: Location
    hidden: Opened | None  # under its temporary name
    named: Opened | None  # whatever lies at the place

    def __enter__(self) -> Leftover:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for opened in (self.hidden, self.named):
            if opened is not None:
                opened.close()

    @property
    def was_placed(self) -> bool | None:
        """Whether the file got its name; None: a file has it, and only its bytes can tell which."""
        if self.named is None:
            return False
        if self.hidden is None:
            return None
        return os.path.samestat(os.fstat(self.hidden.descriptor), os.fstat(self.named.descriptor))

    def finish(self) -> FileStat:
        """Remove the temporary name, and return the stat of the file from now on."""
        assert self.named is not None
        self._forget_hidden_name()
        folder = self.location.path.rpartition("/")[0]
        with opened_folder(self.root, folder) as within:
            os.fsync(within)
        return stat_of(os.fstat(self.named.descriptor))

    def discard(self) -> None:
        """Remove what is left."""
        self._forget_hidden_name()
        # Where links are not supported, the name is reserved by an empty file for a moment.
        if self.named is not None and self.named.stat.size == 0:
            (self.root / self.location.path).unlink(missing_ok=True)

    def _forget_hidden_name(self) -> None:
        (self.root / self.temporary).unlink(missing_ok=True)


def take_over(root: Path, temporary: str, location: Location) -> Leftover | None:
    """Lock what a writer left; None: the writer lives."""
    hidden, named = _opened(root, temporary), _opened(root, location.path)
    leftover = Leftover(root, temporary, location, hidden, named)
    # The lock is the inode's: after the link it is found under either name.
    mine = hidden or named
    if mine is not None and not _has_lost_its_writer(mine):
        leftover.__exit__(None, None, None)
        return None
    return leftover


def _opened(root: Path, path: str) -> Opened | None:
    with contextlib.suppress(OSError):
        return open_regular(root, path)
    return None


def _has_lost_its_writer(opened: Opened) -> bool:
    locked = lock_now(opened.descriptor)
    if locked is None:
        return time.time() - opened.stat.mtime_ns / 1e9 > SILENT_WRITER_IS_GONE_AFTER
    return locked
