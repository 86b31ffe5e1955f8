"""Bytes at a position: an opened file read without a shared offset, so that threads may share it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pypitool.archives.facts import Fault

_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """An open descriptor and the size that the file had when it was opened."""

    descriptor: int
    size: int

    def at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes, or say that the file ends too early."""
        if offset < 0 or offset + length > self.size:
            raise Fault("it is truncated")
        parts = []
        while length:
            part = os.pread(self.descriptor, length, offset)
            if not part:
                raise Fault("it became shorter while it was read")
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
