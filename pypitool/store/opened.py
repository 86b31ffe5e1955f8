"""Opening what lies below a root, and never anything else: no link is followed on the way."""

from __future__ import annotations

import contextlib
import os
import stat as stat_bits
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pypitool.core.model import FileStat
from pypitool.core.text import is_text

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened file and its stat; who asked for it closes it."""

    descriptor: int
    stat: FileStat

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stat_of(result: os.stat_result) -> FileStat:
    """Keep of a stat what tells that a file is still the one that was read."""
    return FileStat(result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_ino)


def is_hidden(path: str) -> bool:
    """Tell whether no walk meets a path: a part of it begins with a dot, or is no part at all."""
    return "\0" in path or any(part.startswith(".") or not part for part in path.split("/"))


def is_utf8(name: str) -> bool:
    """Tell whether a name is UTF-8 on the disk: what is not has become lone surrogates in `name`."""
    return is_text(name)


@contextlib.contextmanager
def opened_folder(root: Path, folder: str) -> Iterator[int]:
    """Open a folder below `root` step by step: one of them may have become a link to elsewhere."""
    descriptor = os.open(root, _FOLDER)
    try:
        for step in filter(None, folder.split("/")):
            inner = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def open_regular(root: Path, path: str) -> Opened | None:
    """Open a regular file below `root`; None when it is something else."""
    folder, _, name = path.rpartition("/")
    with opened_folder(root, folder) as within:
        descriptor = os.open(name, _FILE, dir_fd=within)
    result = os.fstat(descriptor)
    if not stat_bits.S_ISREG(result.st_mode):
        os.close(descriptor)
        return None
    return Opened(descriptor, stat_of(result))
