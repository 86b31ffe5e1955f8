"""An archive costs work in line with its size: what would cost more is refused at once, or read once."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from io import BytesIO

import pytest

from pypitool.core.limits import PAX_RECORDS, STREAM_PARTS, ZIP_ENTRIES
from tests.archives.support import FOO, SDIST, WHEEL, read, refused
from tests.support.calls import called
from tests.support.wheels import sdist_bytes

ZIP = "foo-1.0.zip"
END = struct.Struct("<4s4H2LH")
ENTRY = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")


def header(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """Write one block of a tar archive."""
    block = bytearray(512)
    block[: len(name)], block[124:135], block[156:157] = name, b"%011o" % size, kind
    block[148:156] = b" " * 8
    block[148:154] = b"%06o" % sum(block)
    block[154:156] = b"\0 "
    return bytes(block)


def pax(records: bytes) -> bytes:
    return header(b"pax", len(records), b"x") + records + bytes(-len(records) % 512)


def record(key: bytes, value: bytes = b"x") -> bytes:
    """Write one record, whose length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    lengths = range(len(rest), len(rest) + 9)
    length = next(one for one in lengths if len(b"%d" % one) + len(rest) == one)
    return b"%d" % length + rest


def tar_gz(plain: bytes) -> bytes:
    return gzip.compress(plain + bytes(1024), 1)


def sdist_tar() -> bytes:
    return gzip.decompress(sdist_bytes(FOO))


def zip_of(entries: list[tuple[bytes, int, int, int, int]], body: bytes) -> bytes:
    """Write a zip whose directory says name, crc, packed, size and offset of each entry."""
    lines = b"".join(
        ENTRY.pack(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, packed, size, len(name), 0, 0, 0, 0, 0, at) + name
        for name, crc, packed, size, at in entries
    )
    end = END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(lines), len(body), 0)
    return body + lines + end


def local(name: bytes, packed: bytes, crc: int = 0, size: int = 0) -> bytes:
    return LOCAL.pack(b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(packed), size, len(name), 0) + name + packed


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def test_a_header_of_thousands_of_records_is_refused_after_a_few() -> None:
    body = tar_gz(pax(b"5 a=\n" * 13_000) + sdist_tar())

    seen = called(lambda: refused(body, SDIST))

    assert refused(body, SDIST) == "a header in it has far too many records"
    assert seen["_pax_records"] <= PAX_RECORDS.most + 2


def test_many_headers_before_one_member_share_the_number_of_records() -> None:
    records = b"".join(record(b"key%05d" % number) for number in range(32))
    body = tar_gz(pax(records) * 3 + sdist_tar())

    assert refused(body, SDIST) == "a header in it has far too many records"


def test_the_records_of_each_member_are_counted_anew() -> None:
    records = record(b"mtime", b"17") * 10
    plain = b"".join(pax(records) + header(b"foo-1.0/a%d" % number, 0) for number in range(50))

    assert read(tar_gz(plain + sdist_tar()), SDIST).metadata is not None


def test_each_record_of_a_header_is_one_step() -> None:
    def steps(count: int) -> int:
        records = b"".join(record(b"key%02d" % number, b"x" * 1000) for number in range(count))
        return called(lambda: read(tar_gz(pax(records) + sdist_tar()), SDIST))["_pax_records"]

    assert steps(60) - steps(30) == 30


def test_what_python_and_gnu_tar_write_is_far_below_the_limit() -> None:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("foo-1.0/" + "ä" * 150)
        info.mtime, info.uname, info.uid = 1.5, "ü" * 40, 2**40
        info.pax_headers = {f"LIBARCHIVE.xattr.{number}": "x" for number in range(20)}
        archive.addfile(info)
    plain = buffer.getvalue().rstrip(b"\0")
    plain += bytes(-len(plain) % 512)

    assert read(tar_gz(plain + sdist_tar()), SDIST).metadata is not None


def test_a_header_costs_the_same_number_of_steps_however_many_there_are() -> None:
    def steps(members: int) -> Counter[str]:
        plain = b"".join(header(b"foo-1.0/f%d" % number, 0) for number in range(members))
        return called(lambda: read(tar_gz(plain + sdist_tar()), SDIST))

    few, many = steps(100).total(), steps(400).total()

    assert many < few * 4.5


def test_thousands_of_empty_streams_are_refused() -> None:
    empty = gzip.compress(b"")
    body = gzip.compress(sdist_tar()) + empty * (STREAM_PARTS.most + 2)

    assert refused(body, SDIST) == "it is divided into far too many streams"


def test_a_stream_in_honest_parts_is_whole() -> None:
    plain = sdist_tar() + header(b"foo-1.0/noise", 2_000_000) + os.urandom(2_000_000) + bytes(384 + 1024)
    parts = [gzip.compress(plain[start : start + 1500]) for start in range(0, len(plain), 1500)]

    assert len(parts) > STREAM_PARTS.most
    assert read(b"".join(parts), SDIST).metadata is not None


@pytest.mark.parametrize("filename", [ZIP, WHEEL])
def test_entries_that_share_their_bytes_are_refused(filename: str) -> None:
    packed = deflated(bytes(1024**2))
    name = b"a/PKG-INFO"
    body = local(name, packed)
    bomb = zip_of([(name, 0, len(packed), 1, 0)] * 2000, body)

    assert refused(bomb, filename) == "it holds `a/PKG-INFO` twice"


def test_entries_of_other_names_that_share_their_bytes_are_refused() -> None:
    packed = deflated(bytes(1024**2))
    body = local(b"a/PKG-INFO", packed)
    names = [b"%04d/PKG-INFO" % number for number in range(2000)]
    bomb = zip_of([(name, 0, len(packed), 1, 0) for name in names], body)
    work = called(lambda: refused(bomb, ZIP))

    assert refused(bomb, ZIP) == "entries in it overlap"
    assert work["decompress"] == 0


def test_an_entry_that_begins_within_another_is_refused() -> None:
    inner = local(b"foo-1.0/PKG-INFO", b"\3\0")
    body = local(b"foo-1.0/a", inner)

    assert (
        refused(zip_of([(b"foo-1.0/a", 0, len(inner), 1, 0), (b"foo-1.0/PKG-INFO", 0, 2, 0, 39)], body), ZIP)
        == "entries in it overlap"
    )


def test_no_more_is_inflated_than_an_entry_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = deflated(bytes(1024**2))
    name = b"foo-1.0/PKG-INFO"
    body = zip_of([(name, 0, len(packed), 1, 0)], local(name, packed))
    inflated: list[int] = []
    make = zlib.decompressobj

    class Counting:
        def __init__(self, bits: int) -> None:
            self._real = make(bits)

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            """Inflate, and count."""
            piece = self._real.decompress(data, most)
            inflated.append(len(piece))
            return piece

    monkeypatch.setattr("pypitool.archives.zips.zlib.decompressobj", Counting)

    assert read(body, ZIP).metadata is None
    assert sum(inflated) <= 2


def test_one_pkg_info_is_inflated_of_a_thousand() -> None:
    names = [f"d{number:04}/PKG-INFO" for number in range(1000)]
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, FOO.metadata())

    work = called(lambda: read(buffer.getvalue(), ZIP))

    assert work["decompress"] == 1


def test_a_second_pkg_info_of_the_chosen_directory_is_not_read() -> None:
    plain = b"".join(header(b"foo-1.0/PKG-INFO", 0) for _ in range(2000))

    work = called(lambda: read(gzip.compress(plain), SDIST))

    assert read(gzip.compress(plain), SDIST).doubt == "it holds PKG-INFO twice"
    assert work["exactly"] == 1


def test_a_directory_of_too_many_entries_is_not_read() -> None:
    end = END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0, 0, 0)
    assert ZIP_ENTRIES.most > 0xFFFF, "which is why a zip64 end says more, see test_wheel"
    assert refused(b"PK" + end, ZIP)
