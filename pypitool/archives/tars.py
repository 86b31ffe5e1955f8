"""The members of a tar archive, from a compressed stream that is read once, piece by piece, and never held.

`tarfile` is not used: it reads a header's announced gigabytes into memory, and keeps every member.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from pypitool.archives.open_archive import ArchiveFault, OpenArchive, is_bomb
from pypitool.core.limits import (
    GIB,
    INFLATED,
    PAX_RECORDS,
    STREAM_PART,
    STREAM_PARTS,
    TAR_HEADER,
    TAR_MEMBERS,
)

_PIECE = 256 * 1024
_XZ_MEMORY = 128 * 1024**2  # twice what `xz -9` asks of a reader
_BLOCK = 512
_MOST_MEMBERS = TAR_MEMBERS.most
_WITHOUT_BODY = frozenset(b"123456")  # links, devices and directories: their size means nothing
_ASCII = bytes(range(128))
_SPARSE = (b"S", b"D", b"M")  # several members may be one file there: no sdist has them


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive; its body only if it was wanted."""

    name: bytes
    size: int
    kind: bytes
    body: bytes = b""
    is_wanted: bool = False


class _Reader:
    """Exact reads from an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")

    def read(self, length: int) -> bytes:
        """Return `length` bytes, or fewer where the stream ends."""
        parts, missing = [], length
        while missing:
            part = self._some(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def exactly(self, length: int) -> bytes:
        """Return `length` bytes and pass over what fills the last block."""
        body = self.read(length)
        if len(body) < length:
            raise ArchiveFault("a file in it is cut short")
        self.skip(-length % _BLOCK)
        return body

    def skip(self, length: int) -> None:
        """Pass over `length` bytes."""
        while length:
            part = self._some(length)
            if not part:
                raise ArchiveFault("a file in it is cut short")
            length -= len(part)

    def _some(self, most: int) -> memoryview:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held = memoryview(piece)
        part, self._held = self._held[:most], self._held[most:]
        return part


def read_members(pieces: Iterator[bytes], wanted: Callable[[bytes], bool], limit: int) -> Iterator[Member]:
    """Iterate over the regular files, then read on to the end of the stream.

    A file whose name is `wanted` comes with its body, unless that is longer than `limit`.
    """
    reader = _Reader(pieces)
    for member in _regular(reader):
        is_wanted = wanted(member.name)
        if is_wanted and member.size <= limit:
            yield replace(member, body=reader.exactly(member.size), is_wanted=True)
        else:
            reader.skip(member.size + -member.size % _BLOCK)
            yield replace(member, is_wanted=True) if is_wanted else member
    # The checksum of the compressed stream stands behind all of it.
    for _ in pieces:
        pass


def _regular(reader: _Reader) -> Iterator[Member]:
    more = _MoreHeaders(reader)
    for number in range(_MOST_MEMBERS + 1):
        block = reader.read(_BLOCK)
        if not block.strip(b"\0"):
            if not number:
                raise ArchiveFault("it is empty")
            return
        member = _member(block)
        if member.kind in (b"x", b"L", b"K", b"g"):
            more.read(member)
            continue
        member = more.corrected(member)
        if member.kind in _SPARSE:
            raise ArchiveFault("it holds sparse files")
        if member.kind[0] not in _WITHOUT_BODY:
            yield member
    raise ArchiveFault(f"it holds more than {_MOST_MEMBERS} files")


def _member(block: bytes) -> Member:
    if len(block) < _BLOCK or not _has_checksum(block):
        raise ArchiveFault("it holds no tar archive, or a damaged one")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and block[345]:
        name = _text(block[345:500]) + b"/" + name
    return Member(name, _number(block[124:136]), block[156:157])


def _has_checksum(block: bytes) -> bool:
    field = block[148:156]
    given, expected = field.strip(b" \0"), sum(block) - sum(field) + 8 * 32
    if not given.isdigit():
        return False
    given = given.lstrip(b"0")
    # Old tars, on machines whose characters had signs, added them up with their signs.
    return given == b"%o" % expected or given == b"%o" % (expected - 256 * _above_127(block, field))


def _above_127(block: bytes, field: bytes) -> int:
    return len(block.translate(None, _ASCII)) - len(field.translate(None, _ASCII))


class _MoreHeaders:
    """The headers before a member that say more about it: few records, each read once."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._said: dict[bytes, bytes] = {}
        self._records = 0

    def read(self, header: Member) -> None:
        """Read one of them."""
        if header.size > TAR_HEADER.most:
            raise ArchiveFault("a name in it is far too long")
        body = self._reader.exactly(header.size)
        if header.kind == b"L":
            self._said[b"path"] = _text(body)
        elif header.kind == b"x":
            self._said.update(self._counted(_pax_records(body)))

    def corrected(self, member: Member) -> Member:
        """Return the member that follows as they say that it is, and forget them."""
        said, self._said, self._records = self._said, {}, 0
        if not said:
            return member
        if any(key.startswith(b"GNU.sparse.") for key in said):
            raise ArchiveFault("it holds sparse files")
        size = said.get(b"size", b"")
        return replace(
            member,
            name=said.get(b"path", member.name),
            size=int(size) if size.isdigit() and len(size) < 20 else member.size,
        )

    def _counted(self, records: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        for record in records:
            self._records += 1
            if self._records > PAX_RECORDS.most:
                raise ArchiveFault("a header in it has far too many records")
            yield record


def _pax_records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over `LENGTH KEY=VALUE\\n`."""
    position = 0
    while position < len(body):
        blank = body.find(b" ", position, position + 8)
        digits = body[position : max(blank, position)]
        end = position + int(digits) if digits.isdigit() else position
        key, equals, value = body[blank + 1 : max(blank + 1, end - 1)].partition(b"=")
        if not equals or body[end - 1 : end] != b"\n":
            raise ArchiveFault("a header in it is damaged")
        yield key, value
        position = end


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # base 256, for what octal digits cannot hold
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    # int() alone would take signs and underscores.
    if digits.strip(b"01234567"):
        raise ArchiveFault("a header in it is damaged")
    return int(digits or b"0", 8)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


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


def gunzipped(archive: OpenArchive) -> Iterator[bytes]:
    """Iterate over what a gzip file holds. Its end is a checksum: who arrives there has a whole file."""
    return _bounded(archive, _members(archive, _GzipStream))


def unbzipped(archive: OpenArchive) -> Iterator[bytes]:
    """Iterate over what a bzip2 file holds."""
    return _bounded(archive, _members(archive, bz2.BZ2Decompressor))


def unxzed(archive: OpenArchive) -> Iterator[bytes]:
    """Iterate over what an xz file holds."""
    return _bounded(archive, _members(archive, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)))


def _bounded(archive: OpenArchive, pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflated = 0
    for piece in pieces:
        inflated += len(piece)
        if is_bomb(inflated, archive.size):
            raise ArchiveFault("it is a decompression bomb")
        if inflated > INFLATED.most:
            raise ArchiveFault(f"it inflates to more than {INFLATED.most // GIB} GiB")
        yield piece


def _members(archive: OpenArchive, make: Callable[[], _Stream]) -> Iterator[bytes]:
    """Iterate over the members that follow each other ("a gzip file consists of a series of members")."""
    stream: _Stream | None = None
    complete = 0
    for packed in archive.pieces():
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
                # Each of them costs, however little is in it.
                if complete > STREAM_PARTS.most and complete * STREAM_PART.most > archive.size:
                    raise ArchiveFault("it is divided into far too many streams")
    if stream or not complete:
        raise ArchiveFault("it is truncated")


def _step(stream: _Stream, packed: bytes, complete: int) -> bytes:
    try:
        return stream.decompress(packed, _PIECE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ArchiveFault(
            "data follows its end" if complete else "it is damaged, or no such archive"
        ) from error
