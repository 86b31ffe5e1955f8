"""The three digests of a file, from one reading."""

from __future__ import annotations

import hashlib
from typing import Protocol

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.model import Digests

_PIECE = 1024**2


class Readable(Protocol):
    """What can be read in pieces."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, and none at the end."""


class FileChangedWhileRead(PypitoolError):
    """A file that ended earlier or later than its stat said."""

    kind = Kind.UNAVAILABLE
    sentence = "a file changed while it was read: {found} bytes instead of {expected}"
    expected: int
    found: int


class Digester:
    """Digests that grow with what passes by, for a body that is hashed while it is written."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._blake2b = hashlib.blake2b(digest_size=32)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def update(self, piece: bytes) -> None:
        """Take in the next bytes."""
        self._sha256.update(piece)
        self._blake2b.update(piece)
        self._md5.update(piece)
        self.size += len(piece)

    def digests(self) -> Digests:
        """Return the digests of everything so far."""
        return Digests(self._sha256.hexdigest(), self._blake2b.hexdigest(), self._md5.hexdigest())


def digest_stream(file: Readable, size: int | None = None) -> Digests:
    """Return the digests of a file that is read to its end, which must come after `size` bytes."""
    digester = Digester()
    while piece := file.read(_PIECE):
        digester.update(piece)
    if size is not None and digester.size != size:
        raise FileChangedWhileRead(size, digester.size)
    return digester.digests()


def blake2b_512(file: Readable) -> str:
    """Return what `setup.py upload` of old sends as its 256-bit digest: all 512 bits."""
    digest = hashlib.blake2b()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
