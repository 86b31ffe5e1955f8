"""Compressed streams read to their end, piece by piece: nothing is held, and no bomb goes off."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from pypitool.archives.facts import Fault, is_bomb
from pypitool.archives.source import Source

_PIECE = 256 * 1024
_LIMIT = 8 * 1024**3  # what inflates to more takes minutes, and was never an sdist
_XZ_MEMORY = 128 * 1024**2  # twice what `xz -9` asks of a reader


class _Stream(Protocol):
    """One compressed member, as `bz2` and `lzma` read it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipStream:
    """zlib's decompressor with the manners of the other two."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


def gunzipped(source: Source) -> Iterator[bytes]:
    """Iterate over what a gzip file holds. Its end is a checksum: who arrives there has a whole file."""
    return _bounded(source, _members(source, _GzipStream))


def unbzipped(source: Source) -> Iterator[bytes]:
    """Iterate over what a bzip2 file holds."""
    return _bounded(source, _members(source, bz2.BZ2Decompressor))


def unxzed(source: Source) -> Iterator[bytes]:
    """Iterate over what an xz file holds."""
    return _bounded(source, _members(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)))


def _bounded(source: Source, pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflated = 0
    for piece in pieces:
        inflated += len(piece)
        if is_bomb(inflated, source.size):
            raise Fault("it is a decompression bomb")
        if inflated > _LIMIT:
            raise Fault(f"it inflates to more than {_LIMIT // 1024**3} GiB")
        yield piece


def _members(source: Source, make: Callable[[], _Stream]) -> Iterator[bytes]:
    """Iterate over the members that follow each other ("a gzip file consists of a series of members")."""
    stream: _Stream | None = None
    complete = 0
    for packed in source.pieces():
        while packed or (stream and not stream.needs_input):
            if stream is None:
                # Tapes and some tools fill the last block with zeros.
                packed = packed.lstrip(b"\0") if complete else packed
                if not packed:
                    break
                stream = make()
            yield _step(stream, packed, complete)
            packed = b""
            if stream.eof:
                packed, stream, complete = stream.unused_data, None, complete + 1
    if stream or not complete:
        raise Fault("it is truncated")


def _step(stream: _Stream, packed: bytes, complete: int) -> bytes:
    try:
        return stream.decompress(packed, _PIECE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise Fault("data follows its end" if complete else "it is damaged, or no such archive") from error
