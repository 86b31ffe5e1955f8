"""The one door to archives: open, check, read; nothing is ever unpacked or run.

The kinds of old: listed and served without metadata, so it is enough that they are whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pypitool.archives.sdist import read_sdist
from pypitool.archives.source import ArchiveFacts, BrokenArchive, Fault, Source
from pypitool.archives.tars import gunzipped, unbzipped, unxzed
from pypitool.archives.wheel import read_wheel
from pypitool.archives.zips import check_end
from pypitool.core.filenames import Distribution
from pypitool.core.model import FileKind


def read_archive(file: int | Path, distribution: Distribution, size: int | None = None) -> ArchiveFacts:
    """Read what an archive says of itself, or raise `BrokenArchive`.

    `file` is a path or an open descriptor, whose position is neither used nor moved.
    """
    if isinstance(file, Path):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_archive(descriptor, distribution, size)
        finally:
            os.close(descriptor)
    source = Source(file, os.fstat(file).st_size if size is None else size)
    try:
        return _read(source, distribution)
    except Fault as fault:
        raise BrokenArchive(distribution.filename, fault.reason) from fault


def _read(source: Source, distribution: Distribution) -> ArchiveFacts:
    if not source.size:
        raise Fault("it is empty")
    if distribution.kind is FileKind.WHEEL:
        return read_wheel(source, distribution)
    if distribution.kind is FileKind.SDIST:
        return read_sdist(source, distribution)
    check_legacy(source, distribution.filename)
    return ArchiveFacts()


_INSTALLERS = {".exe": b"MZ", ".msi": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}


def check_legacy(source: Source, filename: str) -> None:
    """Raise `Fault` where a file of an old kind is cut short or something else."""
    lower = filename.lower()
    if lower.endswith(".tgz"):
        _drain(gunzipped(source))
    elif lower.endswith(".tar.bz2"):
        _drain(unbzipped(source))
    elif lower.endswith(".tar.xz"):
        _drain(unxzed(source))
    elif lower.endswith(".egg"):
        check_end(source)  # its beginning may be a shell script: setuptools' own eggs install themselves
    else:
        _check_installer(source, lower[-4:])


def _check_installer(source: Source, extension: str) -> None:
    magic = _INSTALLERS[extension]
    if source.at(0, min(len(magic), source.size)) != magic:
        raise Fault(f"it is no {extension} file")


def _drain(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
