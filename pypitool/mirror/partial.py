"""Files that are being fetched: kept across interruptions, found again by the digest they are to have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pypitool.archives.digest import Digester
from pypitool.core.state_files import HiddenFiles
from pypitool.host import FILE_MODE, make_directory, open_or_make, write_whole

_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class PartialFiles:
    """The hidden folder of a directory where fetches begin."""

    directory: Path

    def open(self, sha256: str) -> PartialFile:
        """Open what there is of a file, or begin it."""
        folder = HiddenFiles(self.directory).partial
        make_directory(folder)
        return PartialFile(folder / sha256)

    def names(self) -> Iterator[str]:
        """Iterate over the digests of files that were begun and not finished."""
        with suppress(FileNotFoundError):
            yield from (name for name in os.listdir(HiddenFiles(self.directory).partial) if "." not in name)


class PartialFile:
    """One file on its way: appended to without a buffer, so that a kill loses nothing that was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._validator = path.with_name(f"{path.name}.validator")
        self._file = FileIO(open_or_make(path, FILE_MODE, os.O_APPEND), "r+")
        self.digester = Digester()
        self.length = self._read_what_is_there()

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    @property
    def descriptor(self) -> int:
        """The open file, to be read as an archive when it is whole."""
        return self._file.fileno()

    @property
    def validator(self) -> str | None:
        """The ETag under which it was begun."""
        try:
            return self._validator.read_text() or None
        except FileNotFoundError:
            return None

    def begin(self, validator: str | None) -> None:
        """Start over, for an answer with this ETag."""
        self._file.truncate(0)
        self.length = 0
        self.digester = Digester()
        if validator is not None:
            write_whole(self._validator, validator.encode())
        else:
            self._validator.unlink(missing_ok=True)

    def append(self, piece: bytes) -> None:
        """Write a piece through to the file system."""
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]
        self.digester.update(piece)
        self.length += len(piece)

    def forget(self) -> None:
        """Remove it: its bytes are wrong, or it has moved to where it belongs."""
        self.path.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)

    def _read_what_is_there(self) -> int:
        self._file.seek(0)
        length = 0
        while piece := self._file.read(_PIECE):
            self.digester.update(piece)
            length += len(piece)
        return length
