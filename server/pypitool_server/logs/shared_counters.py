"""Shared counters: the numbers of several workers in one file, where each adds to a slot of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tempfile
from array import array
from collections.abc import Iterator
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from pypitool.host import open_or_make

MOST_SLOTS = 256


class SharedFile:
    """A file in memory that has no name; it reaches workers by fork, or by pickle when they are spawned."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def anonymous(cls) -> SharedFile:
        """Make one that goes when the last process that holds it ends."""
        if sys.platform == "linux":
            return cls(os.memfd_create("pypitool-counts", os.MFD_CLOEXEC))
        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()))

    @classmethod
    def named(cls, path: Path) -> SharedFile:
        """Open or make one for workers that have no parent of ours."""
        return cls(open_or_make(path, 0o640))

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (reduction.DupFd(self.descriptor),)

    def close(self) -> None:
        """Forget the file."""
        os.close(self.descriptor)


def _received(duplicate: Any) -> SharedFile:
    return SharedFile(duplicate.detach())


class SharedCounters:
    """Equal pieces of a shared file, each held by one process with a lock that ends with it.

    The numbers stay when a worker ends: who takes its slot next counts on, so that sums never go down.
    """

    def __init__(self, file: SharedFile, places: int) -> None:
        self._descriptor = file.descriptor
        self._size = places * 8
        self._own: int | None = None

    def claim(self) -> array[float]:
        """Take a free slot and return the numbers that stand in it."""
        for number in range(MOST_SLOTS):
            with contextlib.suppress(OSError):
                # One byte for each slot, beyond all numbers: the lock covers no data that others read.
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._lock_at(number))
                self._own = number
                return self._read(number)
        return array("d", bytes(self._size))

    def store(self, values: array[float]) -> None:
        """Write the numbers of this process where others see them."""
        if self._own is not None:
            with contextlib.suppress(OSError):  # a full disk costs the others their view, not us the request
                os.pwrite(self._descriptor, values.tobytes(), self._own * self._size)

    def all(self) -> Iterator[array[float]]:
        """Iterate over the numbers of every process, past and present."""
        for number in range(min(MOST_SLOTS, os.fstat(self._descriptor).st_size // self._size)):
            yield self._read(number)

    def _read(self, number: int) -> array[float]:
        found = os.pread(self._descriptor, self._size, number * self._size)
        return array("d", found.ljust(self._size, b"\0"))

    def _lock_at(self, number: int) -> int:
        return MOST_SLOTS * self._size + number
