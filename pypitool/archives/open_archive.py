"""An archive that is open: its bytes at a position, what it says of itself, and how reading it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.limits import BOMB_RATIO, BOMB_SIZE
from pypitool.core.metadata import CoreMetadata
from pypitool.core.text import printable

_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class OpenArchive:
    """An open descriptor, read without a shared offset, and the size that the file had when it was opened."""

    descriptor: int
    size: int

    def at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes, or say that the file ends too early."""
        if offset < 0 or offset + length > self.size:
            raise ArchiveFault("it is truncated")
        parts = []
        while length:
            part = os.pread(self.descriptor, length, offset)
            if not part:
                raise ArchiveFault("it became shorter while it was read")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def pieces(self, offset: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Iterate over the bytes from `offset` to `end`."""
        end = self.size if end is None else end
        while offset < end:
            length = min(_PIECE, end - offset)
            yield self.at(offset, length)
            offset += length


class BrokenArchive(PypitoolError):
    """A file that is not, or not yet, the archive that its name promises."""

    kind = Kind.INVALID
    filename: str
    reason: str

    def __str__(self) -> str:
        return f"`{printable(self.filename)}` is not usable: {self.reason}"


class ArchiveFault(Exception):
    """What is wrong with an archive, said by a part that does not know the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What an archive says of itself, in bytes and as values."""

    metadata_body: bytes | None = None
    metadata: CoreMetadata | None = None
    doubt: str = ""  # why an archive that is whole is listed without metadata
    misnamed: str = ""  # where an sdist speaks of another release than its name
    gap: str = ""  # what a wheel lacks, and no installer can do without


def is_bomb(inflated: int, size: int) -> bool:
    """Tell whether an archive of `size` bytes inflates beyond what honest ones do."""
    return inflated > BOMB_SIZE.most and inflated > BOMB_RATIO.most * size
