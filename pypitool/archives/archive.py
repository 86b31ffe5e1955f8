"""What an archive says of itself: it is opened, checked and read, and never unpacked or run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pypitool.archives.open_archive import ArchiveFacts, ArchiveFault, BrokenArchive, OpenArchive
from pypitool.archives.sdist import read_sdist
from pypitool.archives.tars import gunzipped, unbzipped, unxzed
from pypitool.archives.wheel import metadata_at_end, read_wheel
from pypitool.archives.zips import check_end, read_entries
from pypitool.core.errors import PypitoolError
from pypitool.core.filenames import Distribution
from pypitool.core.guard import Guard
from pypitool.core.model import FileKind

T = TypeVar("T")

_INSTALLERS = {".exe": b"MZ", ".msi": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}


def read_archive(file: int | Path, distribution: Distribution, size: int | None = None) -> ArchiveFacts:
    """Read what an archive says of itself, or raise `BrokenArchive`, also for one that nobody can install.

    `file` is a path or an open descriptor, whose position is neither used nor moved.
    """
    if isinstance(file, Path):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_archive(descriptor, distribution, size)
        finally:
            os.close(descriptor)
    facts = read_held_archive(file, distribution, os.fstat(file).st_size if size is None else size)
    if facts.gap:
        raise BrokenArchive(distribution.filename, facts.gap)
    return facts


def read_held_archive(descriptor: int, distribution: Distribution, size: int) -> ArchiveFacts:
    """Do the same for a file that may be listed for long: whether it goes for a gap its reader decides."""
    archive = OpenArchive(descriptor, size)
    return _guarded(distribution.filename, lambda: _read(archive, distribution))


def names_in_zip(descriptor: int, size: int, filename: str) -> set[bytes]:
    """Return the names of what a zip file holds, or raise `BrokenArchive`."""
    return _guarded(filename, lambda: {entry.name for entry in read_entries(OpenArchive(descriptor, size))})


def metadata_of_wheel_end(descriptor: int, size: int, filename: str) -> bytes:
    """Return the METADATA of a wheel of which only the end is there, or raise `BrokenArchive`."""
    return _guarded(filename, lambda: metadata_at_end(OpenArchive(descriptor, size)))


def _guarded(filename: str, read: Callable[[], T]) -> T:
    """Read an archive as a whole; whatever is wrong with it, and not with the machine, makes it broken."""

    def named() -> T:
        try:
            return read()
        except ArchiveFault as fault:
            raise BrokenArchive(filename, fault.reason) from fault

    def broken(error: PypitoolError) -> T:
        raise error if isinstance(error, BrokenArchive) else BrokenArchive(filename, str(error)) from error

    return Guard.run(named, broken)


def _read(archive: OpenArchive, distribution: Distribution) -> ArchiveFacts:
    if not archive.size:
        raise ArchiveFault("it is empty")
    if distribution.kind is FileKind.WHEEL:
        return read_wheel(archive, distribution)
    if distribution.kind is FileKind.SDIST:
        return read_sdist(archive, distribution)
    _check_legacy(archive, distribution.filename)
    return ArchiveFacts()


def _check_legacy(archive: OpenArchive, filename: str) -> None:
    """Raise `ArchiveFault` where a file of an old kind is not whole; it is served without metadata."""
    lower = filename.lower()
    if lower.endswith(".tgz"):
        _drain(gunzipped(archive))
    elif lower.endswith(".tar.bz2"):
        _drain(unbzipped(archive))
    elif lower.endswith(".tar.xz"):
        _drain(unxzed(archive))
    elif lower.endswith(".egg"):
        check_end(archive)  # its beginning may be a shell script: setuptools' own eggs install themselves
    else:
        extension = lower[-4:]
        magic = _INSTALLERS[extension]
        if archive.at(0, min(len(magic), archive.size)) != magic:
            raise ArchiveFault(f"it is no {extension} file")


def _drain(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
