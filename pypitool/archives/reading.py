"""The one door to archives: open, check, read; nothing is ever unpacked or run."""

from __future__ import annotations

import os
from pathlib import Path

from pypitool.archives.facts import ArchiveFacts, BrokenArchive, Fault
from pypitool.archives.legacy import check_legacy
from pypitool.archives.sdist import read_sdist
from pypitool.archives.source import Source
from pypitool.archives.wheel import read_wheel
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
