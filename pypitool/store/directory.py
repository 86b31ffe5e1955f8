"""The store that is a list of directories; a file gets its name in one step, and never over another one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat as stat_bits
from collections.abc import Iterator
from pathlib import Path

from pypitool.core.filenames import SIGNATURE
from pypitool.core.guard import Guard
from pypitool.core.model import FileStat, Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.failures import ABSENT, NoSuchFile, Occupied, unreadable, writing
from pypitool.store.opened import Opened, is_hidden, is_utf8, opened_folder, stat_of
from pypitool.store.temporary import (
    Leftover,
    TemporaryFile,
    adopt_temporary,
    create_temporary,
    sweep_incoming,
    take_over,
)
from pypitool.store.walk import Links, Walk, not_utf8

_RENAME_NOREPLACE = 1
# What file systems answer that know no second name for a file (FAT, some FUSE and SMB mounts).
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
_NO_RENAMEAT2 = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


class DirectoryStore:
    """Implements `Store` below one or more directories, the first of which takes what is published."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = tuple(Path(os.path.abspath(root)) for root in roots)
        self._links = Links(self.roots)

    def walk(self, root: int, below: str = "") -> Iterator[Walked | Unreadable]:
        if below and (is_hidden(below) or not self._is_folder(root, below)):
            return iter(())
        return Walk(self.roots[root], root, self._links).run(below)

    def look(self, location: Location) -> Walked | Unreadable | None:
        folder, _, name = location.path.rpartition("/")
        if is_hidden(location.path):
            return None
        if not is_utf8(location.path):
            return not_utf8(location)
        try:
            with opened_folder(self.roots[location.root], folder) as within:
                result = os.stat(name, dir_fd=within, follow_symlinks=False)
        except OSError as error:
            # Without descriptors, or on a failing disk, nothing is known: that is not to be gone.
            if Guard.ends_the_turn(error):
                raise unreadable(location, error) from error
            return None
        signed = os.path.lexists(self.roots[location.root] / (location.path + SIGNATURE))
        if stat_bits.S_ISLNK(result.st_mode):
            return self._links.look(location, signed=signed)
        return Walked(location, stat_of(result), signed) if stat_bits.S_ISREG(result.st_mode) else None

    def open(self, location: Location) -> Opened:
        if is_hidden(location.path):
            raise NoSuchFile(location)
        try:
            opened = self._links.open(location)
        except OSError as error:
            raise unreadable(location, error) from error
        if opened is None:
            raise NoSuchFile(location)
        return opened

    def temporary(self, root: int = 0, folder: str = "") -> TemporaryFile:
        with writing(self.roots[root] / folder):
            return create_temporary(self.roots[root], root, folder)

    def adopt(self, source: Path, root: int = 0, folder: str = "") -> TemporaryFile:
        with writing(self.roots[root] / folder):
            return adopt_temporary(self.roots[root], root, folder, source)

    def place(self, temporary: TemporaryFile, location: Location, *, overwrite: bool = False) -> FileStat:
        folder, _, name = location.path.rpartition("/")
        hidden = temporary.location.path.rpartition("/")[0]
        with (
            writing(self.roots[location.root] / folder),
            opened_folder(self.roots[temporary.location.root], hidden) as source,
            opened_folder(self.roots[location.root], folder) as target,
        ):
            try:
                (rename_over if overwrite else rename_new)(source, temporary.name, target, name)
            except FileExistsError as error:
                raise Occupied(location) from error
            temporary.placed()
            os.fsync(target)
        return temporary.stat()

    def remove(self, location: Location) -> bool:
        folder, _, name = location.path.rpartition("/")
        if is_hidden(location.path):
            return False
        with writing(self.roots[location.root] / folder):
            try:
                with opened_folder(self.roots[location.root], folder) as within:
                    os.unlink(name, dir_fd=within)
                    os.fsync(within)
            except FileNotFoundError:
                return False
        return True

    def check_removable(self, location: Location) -> None:
        folder = (self.roots[location.root] / location.path).parent
        # A folder that is gone needs no right to remove what was in it.
        if os.access(folder, os.W_OK | os.X_OK) or not folder.exists():
            return
        with writing(folder), contextlib.suppress(FileNotFoundError):
            read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number))

    def sweep(self, root: int, folder: str = "") -> tuple[str, ...]:
        return sweep_incoming(self.roots[root], folder)

    def take_over(self, temporary: str, location: Location) -> Leftover | None:
        return take_over(self.roots[location.root], temporary, location)

    def free(self, root: int = 0) -> int:
        result = os.statvfs(self.roots[root])
        return result.f_bavail * result.f_frsize

    def _is_folder(self, root: int, folder: str) -> bool:
        try:
            with opened_folder(self.roots[root], folder):
                return True
        except OSError as error:
            return error.errno not in ABSENT


def rename_new(source: int, name: str, target: int, final: str) -> None:
    """Move `name` of folder `source` to `final` of `target`; raise `FileExistsError` when that is taken."""
    try:
        os.link(name, final, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        # A network file system may have done it and lost the answer.
        one = os.stat(name, dir_fd=source, follow_symlinks=False)
        if not os.path.samestat(one, os.stat(final, dir_fd=target, follow_symlinks=False)):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_without_links(source, name, target, final)
        return
    os.unlink(name, dir_fd=source)


def rename_over(source: int, name: str, target: int, final: str) -> None:
    """Move `name` of folder `source` to `final` of folder `target`, whatever is there."""
    os.replace(name, final, src_dir_fd=source, dst_dir_fd=target)


def _rename_without_links(source: int, name: str, target: int, final: str) -> None:
    try:
        rename_noreplace(source, name, target, final)
    except OSError as error:
        if error.errno not in _NO_RENAMEAT2:
            raise
        _reserve_and_replace(source, name, target, final)


def rename_noreplace(source: int, name: str, target: int, final: str) -> None:
    """Rename by renameat2(RENAME_NOREPLACE); raise `OSError` with ENOSYS where there is none."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(source, os.fsencode(name), target, os.fsencode(final), ctypes.c_uint(_RENAME_NOREPLACE)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), final)


def _reserve_and_replace(source: int, name: str, target: int, final: str) -> None:
    # The name is taken by an empty file, which is no package, and that file is replaced in one step: copying
    # the bytes to the reserved name would show half of them.
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=target))
    try:
        rename_over(source, name, target, final)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(final, dir_fd=target)
        raise
