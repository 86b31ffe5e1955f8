"""Giving a file its name: in one step, and never over another file unless that was asked for."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

_RENAME_NOREPLACE = 1
# What file systems answer that know no second name for a file (FAT, some FUSE and SMB mounts).
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
_NO_RENAMEAT2 = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def place_new(source: int, name: str, target: int, final: str) -> None:
    """Move `name` of folder `source` to `final` of `target`; raise `FileExistsError` when that is taken."""
    try:
        os.link(name, final, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        # A network file system may have done it and lost the answer.
        if not _same(source, name, target, final):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_new(source, name, target, final)
        return
    os.unlink(name, dir_fd=source)


def place_over(source: int, name: str, target: int, final: str) -> None:
    """Move `name` of folder `source` to `final` of folder `target`, whatever is there."""
    os.replace(name, final, src_dir_fd=source, dst_dir_fd=target)


def _same(source: int, name: str, target: int, final: str) -> bool:
    one = os.stat(name, dir_fd=source, follow_symlinks=False)
    two = os.stat(final, dir_fd=target, follow_symlinks=False)
    return (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


def _rename_new(source: int, name: str, target: int, final: str) -> None:
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
        place_over(source, name, target, final)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(final, dir_fd=target)
        raise
