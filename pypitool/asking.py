"""Telling the keeper where to look: a worker that met a file which is not as the catalogue says."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pypitool.core.model import Location
from pypitool.host import hand_over

_NAME = "keeper.asked"
_DOUBT = "catalogue.doubted"
# A keeper that does not take what is asked is not there; its walk at the next start finds everything.
_MOST_BYTES = 64 * 1024


def tell_keeper(state: Path, *locations: Location) -> None:
    """Ask the keeper to look at files, soon; costs a write, and never fails."""
    if not locations:
        return
    lines = b"".join(json.dumps([place.root, place.path]).encode() + b"\n" for place in locations)
    with contextlib.suppress(OSError), _locked(state) as descriptor:
        if os.fstat(descriptor).st_size + len(lines) <= _MOST_BYTES:
            os.write(descriptor, lines)


def take_asked(state: Path) -> frozenset[Location]:
    """Return the files that somebody asked about, and forget them."""
    try:
        if not (state / _NAME).stat().st_size:
            return frozenset()
        with _locked(state) as descriptor:
            asked = os.pread(descriptor, _MOST_BYTES, 0)
            os.ftruncate(descriptor, 0)
    except OSError:
        return frozenset()
    return frozenset(filter(None, map(_location, asked.splitlines())))


def doubt_catalogue(state: Path) -> None:
    """Ask the keeper to read the whole catalogue, because a part of it made no sense; never fails."""
    with contextlib.suppress(OSError):
        (state / _DOUBT).touch()


def take_doubt(state: Path) -> bool:
    """Tell whether somebody doubted the catalogue, and forget it."""
    try:
        (state / _DOUBT).unlink()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[int]:
    path = state / _NAME
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        if is_new:
            hand_over(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _location(line: bytes) -> Location | None:
    try:
        root, path = json.loads(line)
    except ValueError:
        return None
    return Location(root, path) if isinstance(root, int) and isinstance(path, str) else None
