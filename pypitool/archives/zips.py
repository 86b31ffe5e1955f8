"""The directory of a zip archive, read strictly: what two readers could understand differently is refused.

`zipfile` is not used: it keeps an object for each of a hostile archive's millions of entries, and
finds archives with data before, between or behind their parts, where other readers find others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pypitool.archives.open_archive import ArchiveFault, OpenArchive, is_bomb
from pypitool.core.limits import ZIP_DIRECTORY, ZIP_ENTRIES
from pypitool.core.text import printable

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # plainly, strongly, and with a hidden directory
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One line of the central directory."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def is_readable(self) -> bool:
        """Whether its bytes can be had without a password or an exotic decompressor."""
        return not self.flags & _ENCRYPTED and self.method in (_STORED, _DEFLATED)


@dataclass(frozen=True, slots=True)
class _Directory:
    offset: int
    size: int
    entries: int


def read_entries(archive: OpenArchive) -> Iterator[ZipEntry]:
    """Iterate over the central directory of an archive that is whole: no entry is there twice."""
    if archive.at(0, min(2, archive.size)) != b"PK":
        raise ArchiveFault("it is no zip archive")
    directory = _find_directory(archive)
    body = archive.at(directory.offset, directory.size)
    position, inflated = 0, 0
    names: set[bytes] = set()
    places: list[tuple[int, int]] = []
    for _ in range(directory.entries):
        entry, position = _entry(body, position)
        if entry.name in names:
            raise ArchiveFault(f"it holds `{shown(entry.name)}` twice")
        names.add(entry.name)
        inflated += entry.size
        places.append((entry.offset, entry.offset + _LOCAL.size + len(entry.name) + entry.packed))
        yield entry
    if position != len(body):
        raise ArchiveFault("it holds data that its directory does not know")
    _check_places(places, directory.offset)
    if is_bomb(inflated, archive.size):
        raise ArchiveFault("it is a zip bomb")


def _check_places(places: list[tuple[int, int]], end: int) -> None:
    """Refuse entries that share bytes: each would be read again, and could be a part of another."""
    places.sort()
    if (places[0][0] if places else end) != 0:
        raise ArchiveFault("it holds data that its directory does not know")
    free = 0
    for begins, ends in places:
        if begins < free:
            raise ArchiveFault("entries in it overlap")
        free = ends
    if free > end:
        raise ArchiveFault("an entry lies outside of it")


def read_unambiguous(archive: OpenArchive) -> Iterator[ZipEntry]:
    """Iterate as `read_entries` does; what two readers may understand differently is refused.

    It would be installed differently (CVE-2025-54368, CVE-2025-8291).
    """
    for entry in read_entries(archive):
        if b"\0" in entry.name or entry.name.startswith(b"/") or b".." in entry.name.split(b"/"):
            raise ArchiveFault(f"it holds an entry with the name `{shown(entry.name)}`")
        if not entry.is_readable:
            raise ArchiveFault(f"`{shown(entry.name)}` in it is encrypted or packed by an unusual method")
        _check_local(archive, entry)
        yield entry


def shown(name: bytes) -> str:
    """Return the name of an entry as a sentence may hold it."""
    return printable(name.decode("utf-8", "backslashreplace"))


def check_end(archive: OpenArchive) -> None:
    """Raise `ArchiveFault` where an archive lacks its end: a weaker claim, for what has data before it."""
    _find_end(archive)


def read_entry(archive: OpenArchive, entry: ZipEntry, limit: int) -> bytes:
    """Return the bytes of one entry, checked, and never more than `limit`."""
    if not entry.is_readable:
        raise ArchiveFault("an entry is encrypted or packed by an unusual method")
    if entry.size > limit or entry.packed > 2 * limit:
        raise ArchiveFault(f"an entry is larger than {limit} bytes")
    packed = archive.at(_check_local(archive, entry), entry.packed)
    body = packed if entry.method == _STORED else _inflate(packed, entry.size)
    if len(body) != entry.size or zlib.crc32(body) != entry.crc:
        raise ArchiveFault("the checksum of an entry is wrong")
    return body


def _check_local(archive: OpenArchive, entry: ZipEntry) -> int:
    """Return where the bytes of an entry begin; its own header must agree with the directory."""
    header = _LOCAL.unpack(archive.at(entry.offset, _LOCAL.size))
    signature, _, flags, method, *_, name_length, extra_length = header
    name = archive.at(entry.offset + _LOCAL.size, name_length)
    if signature != b"PK\x03\x04" or (name, method) != (entry.name, entry.method):
        raise ArchiveFault("an entry and the directory disagree")
    if (flags ^ entry.flags) & _ENCRYPTED:
        raise ArchiveFault("an entry and the directory disagree")
    return entry.offset + _LOCAL.size + int(name_length) + int(extra_length)


def _find_directory(archive: OpenArchive) -> _Directory:
    end_at, end = _find_end(archive)
    _, disk, directory_disk, here, entries, size, offset, _ = end
    record = _find_end_64(archive, end_at)
    if record is not None:
        end_at, disk, directory_disk, here, entries, size, offset = record
    if disk or directory_disk or here != entries:
        raise ArchiveFault("it is one of several parts")
    if offset + size != end_at:
        raise ArchiveFault("its directory is not where it should be")
    if entries > ZIP_ENTRIES.most or size > ZIP_DIRECTORY.most:
        raise ArchiveFault(f"it holds more than {ZIP_ENTRIES.most} entries or far too long names")
    return _Directory(offset, size, entries)


def _find_end(archive: OpenArchive) -> tuple[int, tuple[bytes, int, int, int, int, int, int, int]]:
    length = min(archive.size, _END.size)
    tail = archive.at(archive.size - length, length)
    if not tail.startswith(b"PK\x05\x06"):
        length = min(archive.size, _END.size + _LONGEST_COMMENT)
        tail = archive.at(archive.size - length, length)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        raise ArchiveFault("it is truncated")
    end = _END.unpack_from(tail, found)
    if found + _END.size + end[-1] != len(tail):
        raise ArchiveFault("data follows its end")
    return archive.size - len(tail) + found, end


def _find_end_64(archive: OpenArchive, end_at: int) -> tuple[int, int, int, int, int, int, int] | None:
    """Return what stands before the end of archives that 32 bits cannot describe, or None."""
    locator_at = end_at - _LOCATOR_64.size
    if locator_at < 0 or archive.at(locator_at, 4) != b"PK\x06\x07":
        return None
    _, disk, at, disks = _LOCATOR_64.unpack(archive.at(locator_at, _LOCATOR_64.size))
    record = _END_64.unpack(archive.at(at, _END_64.size))
    signature, length, _, _, number, directory_disk, here, entries, size, offset = record
    if signature != b"PK\x06\x06" or disk or disks > 1 or at + 12 + length != locator_at:
        raise ArchiveFault("its end cannot be read")
    return at, number, directory_disk, here, entries, size, offset


def _entry(body: bytes, position: int) -> tuple[ZipEntry, int]:
    if len(body) - position < _ENTRY.size:
        raise ArchiveFault("its directory is cut short")
    fields = _ENTRY.unpack_from(body, position)
    signature, _, _, flags, method, _, _, crc, packed, size, *lengths, disk, _, _, offset = fields
    name_length, extra_length, comment_length = lengths
    name_at = position + _ENTRY.size
    extra_at = name_at + name_length
    end = extra_at + extra_length + comment_length
    if signature != b"PK\x01\x02" or end > len(body) or disk not in (0, 0xFFFF):
        raise ArchiveFault("its directory is damaged")
    extra = body[extra_at : extra_at + extra_length]
    size, packed, offset = _widened(extra, size, packed, offset)
    return ZipEntry(body[name_at:extra_at], flags, method, crc, packed, size, offset), end


def _widened(extra: bytes, *values: int) -> tuple[int, int, int]:
    """Replace what does not fit into 32 bits by the values of the zip64 extra field, in their order."""
    wide = iter(_extra_64(extra)) if 0xFFFFFFFF in values else iter(())
    try:
        size, packed, offset = (next(wide) if value == 0xFFFFFFFF else value for value in values)
    except (StopIteration, RuntimeError) as error:
        raise ArchiveFault("its directory is damaged") from error
    return size, packed, offset


def _extra_64(extra: bytes) -> tuple[int, ...]:
    position = 0
    while position + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, position)
        field = extra[position + 4 : position + 4 + length]
        if tag == 1:
            return struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8])
        position += 4 + length
    return ()


def _inflate(packed: bytes, size: int) -> bytes:
    """Inflate what claims to have so many bytes, and not a byte more than one too many."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflater.decompress(packed, size + 1)
    except zlib.error as error:
        raise ArchiveFault("an entry is damaged") from error
    if len(body) > size or not inflater.eof or inflater.unused_data:
        raise ArchiveFault("an entry is damaged")
    return body
