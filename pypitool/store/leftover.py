"""What a writer left that was killed while it published: nothing, or the whole file."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pypitool.core.model import FileStat, Location
from pypitool.store.opened import Opened, open_regular, opened_folder, stat_of
from pypitool.store.temporary import SILENT_WRITER_IS_GONE_AFTER, lock_now


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
        return _is_same(self.hidden, self.named)

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
    if mine is not None and not _is_left(mine):
        leftover.__exit__(None, None, None)
        return None
    return leftover


def _opened(root: Path, path: str) -> Opened | None:
    with contextlib.suppress(OSError):
        return open_regular(root, path)
    return None


def _is_left(opened: Opened) -> bool:
    locked = lock_now(opened.descriptor)
    if locked is None:
        return time.time() - opened.stat.mtime_ns / 1e9 > SILENT_WRITER_IS_GONE_AFTER
    return locked


def _is_same(one: Opened, two: Opened) -> bool:
    return os.path.samestat(os.fstat(one.descriptor), os.fstat(two.descriptor))
