"""Wheels of hundreds of megabytes that take no room on the upstream's disk: a hole between two ends."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from functools import reduce
from itertools import repeat
from pathlib import Path

from bench.sync.offerings import VERSION, Listed
from tests.support.wheels import Release, wheel_filename

PROJECTS = 8
PADDING = 256 * 1024**2
_PIECE = bytes(1024**2)


def large_wheels(directory: Path) -> dict[Listed, Path]:
    """Make the wheels that are not there yet, and describe all."""
    directory.mkdir(parents=True, exist_ok=True)
    made = {}
    for number in range(PROJECTS):
        release = Release(f"large-{number}", VERSION)
        path = directory / wheel_filename(release)
        if not path.exists():
            _write(path, release)
        made[Listed(path.name, VERSION, _digest(path), path.stat().st_size)] = path
    return made


def _write(path: Path, release: Release) -> None:
    temporary = path.with_suffix(".part")
    info = f"{release.stem}.dist-info"
    with zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: bench\nTag: py3-none-any\n")
        archive.writestr(f"{info}/METADATA", release.metadata())
        archive.writestr(f"{info}/RECORD", "")
        _add_zeros(archive, zipfile.ZipInfo("padding", (2020, 1, 1, 0, 0, 0)))
    temporary.rename(path)


def _add_zeros(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Append a stored member of zeros, which are skipped and not written."""
    with archive.open(entry, "w"):
        pass  # its header, of which the sizes are written below
    assert archive.fp is not None
    end = archive.start_dir + PADDING
    entry.file_size = entry.compress_size = PADDING
    entry.CRC = reduce(lambda crc, piece: zlib.crc32(piece, crc), _pieces(PADDING), 0)
    archive.fp.seek(entry.header_offset)
    archive.fp.write(entry.FileHeader(zip64=False))
    archive.fp.seek(end)
    archive.start_dir = end


def _pieces(length: int) -> Iterator[bytes]:
    return repeat(_PIECE, length // len(_PIECE))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(len(_PIECE)):
            digest.update(piece)
    return digest.hexdigest()
