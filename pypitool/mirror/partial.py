"""Files that are being fetched: kept across interruptions, found again by the digest they are to have.

Most files are small: what has come of one stays in memory until it is more than a few pieces, or until the
fetch is interrupted. So a kill loses at most that, and a small file is written once, where it belongs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pypitool.archives.digest import Digester
from pypitool.core.state_files import HiddenFiles
from pypitool.host import FILE_MODE, make_directory, open_no_link, open_or_make, write_whole

_PIECE = 1024**2
_IN_MEMORY = 512 * 1024  # of each fetch: the contract is that a kill loses a mebibyte at most


@dataclass(frozen=True, slots=True)
class PartialFiles:
    """The hidden folder of a directory where fetches begin."""

    directory: Path

    def open(self, sha256: str) -> PartialFile:
        """Open what there is of a file, or begin it."""
        return PartialFile(HiddenFiles(self.directory).partial / sha256)

    def names(self) -> Iterator[str]:
        """Iterate over the digests of files that were begun and not finished."""
        with suppress(FileNotFoundError):
            yield from (name for name in os.listdir(HiddenFiles(self.directory).partial) if "." not in name)


class PartialFile:
    """One file on its way; on the disk it is appended to without a buffer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._validator = path.with_name(f"{path.name}.validator")
        self._begun_under: str | None = None
        self._file: FileIO | None = None  # None: what has come is in memory
        self._kept: list[bytes] = []
        self.digester = Digester()
        self.length = 0
        with suppress(FileNotFoundError):
            self._file = FileIO(open_no_link(path, os.O_RDWR | os.O_APPEND), "r+")
            self._read_what_is_there(self._file)

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(self, *exception: object) -> None:
        # Interrupted: the next run goes on from here. On a full disk it begins anew.
        with suppress(OSError):
            if self._kept:
                self._to_disk()
        if self._file is not None:
            self._file.close()

    @property
    def descriptor(self) -> int | None:
        """The open file, to be read as an archive when it is whole; None: it is in memory."""
        return None if self._file is None else self._file.fileno()

    @property
    def validator(self) -> str | None:
        """The ETag under which it was begun."""
        if self._file is None:
            return self._begun_under
        try:
            return self._validator.read_text() or None
        except FileNotFoundError:
            return None

    def begin(self, validator: str | None) -> None:
        """Start over, for an answer with this ETag."""
        self.length = 0
        self.digester = Digester()
        self._kept.clear()
        self._begun_under = validator
        if self._file is not None:
            self._file.truncate(0)
            self._write_validator()

    def append(self, piece: bytes) -> None:
        """Take in the next bytes."""
        if self._file is None and self.length + len(piece) <= _IN_MEMORY:
            self._kept.append(piece)
        else:
            _write(self._file or self._to_disk(), piece)
        self.digester.update(piece)
        self.length += len(piece)

    def pieces(self) -> Iterator[bytes]:
        """Iterate over all that has come."""
        if self._file is None:
            yield from self._kept
            return
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def forget(self) -> None:
        """Remove it: its bytes are wrong, or it has moved to where it belongs."""
        self._kept.clear()
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._validator.unlink(missing_ok=True)

    def _to_disk(self) -> FileIO:
        make_directory(self.path.parent)
        self._file = FileIO(open_or_make(self.path, FILE_MODE, os.O_APPEND), "r+")
        self._write_validator()
        for piece in self._kept:
            _write(self._file, piece)
        self._kept.clear()
        return self._file

    def _write_validator(self) -> None:
        if self._begun_under is not None:
            write_whole(self._validator, self._begun_under.encode())
        else:
            self._validator.unlink(missing_ok=True)

    def _read_what_is_there(self, file: FileIO) -> None:
        while piece := file.read(_PIECE):
            self.digester.update(piece)
            self.length += len(piece)


def _write(file: FileIO, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[file.write(view) :]
