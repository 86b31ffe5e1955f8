"""Who may open or write a catalogue, while another process writes it or puts a new one in its place.

A lock is taken shared by whoever opens or writes, exclusively by a rebuild, a restore and a migration: SQLite
keeps its journal under the database's name, so a new file must never meet the journal of the old one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypitool.host import hand_over


@contextmanager
def opening(catalogue: Path) -> Iterator[None]:
    """Hold off a replacement of the catalogue; never waits for writers."""
    with _held(catalogue.with_suffix(".lock"), fcntl.LOCK_SH):
        yield


@contextmanager
def writing(catalogue: Path) -> Iterator[None]:
    """Wait for the writers of other processes, one after another, and hold off a replacement."""
    # SQLite's own waiting is to sleep and to try again, and whoever just wrote is first: four busy processes
    # waited up to 1.4 s and wrote less; in a queue 0.07 s (tried).
    with _held(catalogue.with_suffix(".queue"), fcntl.LOCK_EX), opening(catalogue):
        yield


@contextmanager
def exclusive(catalogue: Path) -> Iterator[None]:
    """Wait until nobody opens or writes the catalogue, and hold them all off."""
    # The queue first: otherwise writers that come one after another would never leave a gap.
    with (
        _held(catalogue.with_suffix(".queue"), fcntl.LOCK_EX),
        _held(catalogue.with_suffix(".lock"), fcntl.LOCK_EX),
    ):
        yield


@contextmanager
def _held(path: Path, how: int) -> Iterator[None]:
    # A descriptor for each holder: a lock belongs to the open file, and threads that shared one would
    # release each other's.
    descriptor = _open(path)
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, how)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return _create(path)
    except OSError:
        # Somebody else's file, or a disk that is read-only: enough to look at, and to be held off.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _create(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        # Who may not write here cannot replace the catalogue either; others make the file when they do.
        return None
    hand_over(path)
    return descriptor
