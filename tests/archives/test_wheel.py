"""Wheels: what pip would install is read, what two readers could understand differently is refused."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypitool.archives.archive import read_archive
from pypitool.archives.open_archive import BrokenArchive
from pypitool.core.filenames import parse
from tests.archives.support import (
    FOO,
    SDIST,
    WHEEL,
    foo_wheel,
    open_descriptors,
    read,
    refused,
    with_central_field,
    with_flags,
)
from tests.support.wheels import Release, build_wheel, sdist_bytes, tar_bytes, wheel_bytes, zip_bytes

METADATA = b"foo-1.0.dist-info/METADATA"


def write_foo(archive: zipfile.ZipFile) -> None:
    """Write what a wheel of foo has to hold, METADATA at last."""
    for name in ("WHEEL", "RECORD"):
        archive.writestr(f"foo-1.0.dist-info/{name}", b"")
    archive.writestr(METADATA.decode(), FOO.metadata())


def test_metadata_is_read_byte_for_byte(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, "Foo.Bar", "1.0", requires=["six>=1"], requires_python=">=3.9")

    facts = read_archive(path, parse(path.name), path.stat().st_size)

    assert facts.metadata_body == zipfile.ZipFile(path).read("foo_bar-1.0.dist-info/METADATA")
    assert facts.metadata is not None
    assert facts.metadata.requires_python == ">=3.9"
    assert facts.metadata.requires_dist == ("six>=1",)
    assert facts.doubt == ""


def test_a_path_needs_no_size_and_is_closed_again(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, "foo", "1.0")
    broken = tmp_path / "bar-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK nothing")
    before = open_descriptors()

    facts = read_archive(path, parse(path.name))
    with pytest.raises(BrokenArchive, match=r"`bar-1.0-py3-none-any.whl` is not usable: it is truncated"):
        read_archive(broken, parse(broken.name))

    assert facts.metadata is not None
    assert open_descriptors() == before


def test_the_position_of_a_descriptor_stays(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, "foo", "1.0")

    with path.open("rb", buffering=0) as file:
        file.seek(7)
        read_archive(file.fileno(), parse(path.name))
        position = file.tell()

    assert position == 7


def test_stored_entries_and_an_archive_comment_are_usual() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        write_foo(archive)
        archive.writestr("foo-1.0.dist-info/", b"")
        archive.comment = b"made by hand PK\x05\x07"

    assert read(buffer.getvalue(), WHEEL).metadata_body == FOO.metadata()


def test_an_archive_that_was_written_as_a_stream_is_usual() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.body = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.body += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        write_foo(archive)

    assert read(pipe.body, WHEEL).metadata is not None


def with_zip64_end(archive: bytes) -> bytes:
    """Write the end as archives of more than 4 GiB have it."""
    *_, entries, size, offset, _ = struct.unpack("<4s4H2LH", archive[-22:])
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(archive) - 22, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return archive[:-22] + end_64 + locator + end


def test_a_zip64_archive_is_usual() -> None:
    body = with_zip64_end(foo_wheel())

    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None
    assert read(body, WHEEL).metadata is not None


def test_sizes_of_64_bits_in_the_directory_are_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        write_foo(archive)
    body = buffer.getvalue()
    begins, at = body.index(b"PK\x01\x02"), body.rindex(METADATA) - 46
    end = body.rindex(b"PK\x05\x06")
    packed, size = struct.unpack_from("<LL", body, at + 20)
    extra = struct.pack("<HHQQ", 1, 16, size, packed)
    line = body[at : at + 20] + b"\xff" * 8 + body[at + 28 : at + 30] + struct.pack("<H", len(extra))
    line += body[at + 32 : at + 46] + METADATA + extra
    whole = body[:at] + line
    whole += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, len(whole) - begins, begins, 0)

    assert end == at + 46 + len(METADATA)
    assert read(whole, WHEEL).metadata is not None


def test_a_truncated_wheel_is_refused_at_every_length() -> None:
    body = foo_wheel()

    for length in range(len(body)):
        assert refused(body[:length], WHEEL)


def test_what_begins_like_a_wheel_is_called_truncated() -> None:
    assert refused(foo_wheel()[:-30], WHEEL) == "it is truncated"
    assert refused(foo_wheel()[:300] + bytes(5000), WHEEL) == "it is truncated"


@pytest.mark.parametrize(
    "body",
    [b"not an archive", bytes(5000), sdist_bytes(FOO), tar_bytes({"a": b""}, suffix=".tar"), b"P", b"<html>"],
    ids=["text", "zeros", "gzipped tar", "tar", "one byte", "page"],
)
def test_what_is_no_zip_is_refused(body: bytes) -> None:
    assert refused(body, WHEEL) == "it is no zip archive"


def test_an_empty_file_is_refused() -> None:
    assert refused(b"", WHEEL) == "it is empty"


def test_an_archive_without_entries_is_refused() -> None:
    assert refused(zip_bytes({}), WHEEL) == "it holds no .dist-info directory"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"foo.py": b""}, "it holds no .dist-info directory"),
        ({"foo-1.0.dist-info/WHEEL": b""}, "it holds no METADATA"),
        ({"x/foo-1.0.dist-info/METADATA": b""}, "it holds no .dist-info directory"),
        ({"foo-1.0.dist-info/x/METADATA": b""}, "it holds no METADATA"),
        (
            {"foo-1.0.dist-info/METADATA": FOO.metadata(), "bar-1.0.dist-info/RECORD": b""},
            "it holds several .dist-info directories",
        ),
        (
            {"foo-1.0.dist-info/METADATA": FOO.metadata(), "foo-1.1.dist-info/METADATA": FOO.metadata()},
            "it holds several .dist-info directories",
        ),
        ({"bar-1.0.dist-info/METADATA": FOO.metadata()}, "its .dist-info directory is `bar-1.0.dist-info`"),
        ({"../x": b""}, "it holds an entry with the name `../x`"),
        ({"/etc/x": b""}, "it holds an entry with the name `/etc/x`"),
    ],
)
def test_a_wheel_without_one_clear_metadata_is_refused(members: dict[str, bytes], reason: str) -> None:
    assert refused(zip_bytes(members), WHEEL) == reason


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        (["WHEEL"], "it holds no WHEEL, and cannot be installed"),
        (["RECORD"], "it holds no RECORD, and cannot be installed"),
        (["WHEEL", "RECORD"], "it holds no WHEEL and no RECORD, and cannot be installed"),
    ],
)
def test_a_wheel_that_no_installer_takes_is_refused(without: list[str], reason: str) -> None:
    assert refused(wheel_bytes(FOO, without=without), WHEEL) == reason


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (Release("bar", "1.0").metadata(), "its metadata names the project `bar`"),
        (Release("foo", "1.1").metadata(), "its metadata names the version `1.1`"),
        (Release("foo", "1.0+local").metadata(), "its metadata names the version `1.0+local`"),
        (b"", "the core metadata is unusable: it names no project"),
        (
            b"Metadata-Version: 3.0\nName: foo\nVersion: 1.0\n",
            "the core metadata is unusable: its version 3.0",
        ),
        (b"Name: foo\nVersion: 1.0\n\n" + b"x" * 1024**2, "an entry is larger than 1048576 bytes"),
    ],
    ids=["project", "version", "local version", "nothing", "newer", "endless"],
)
def test_metadata_that_speaks_of_something_else_is_refused(metadata: bytes, reason: str) -> None:
    assert refused(wheel_bytes(FOO, metadata=metadata), WHEEL).startswith(reason)


@pytest.mark.parametrize(("name", "version"), [("FOO", "1.0.0"), ("Foo", "v1"), ("foo", "1")])
def test_metadata_may_spell_name_and_version_differently(name: str, version: str) -> None:
    metadata = Release(name, version).metadata()

    assert read(wheel_bytes(FOO, metadata=metadata), WHEEL).metadata_body == metadata


def test_metadata_in_an_old_encoding_is_read() -> None:
    metadata = FOO.metadata().replace(b"made for a test", "José".encode("latin-1"))

    facts = read(wheel_bytes(FOO, metadata=metadata), WHEEL)

    assert facts.metadata is not None
    assert facts.metadata.summary == "José"
    assert facts.metadata_body == metadata


@pytest.mark.parametrize("flags", [0x1, 0x40, 0x2000])
def test_encrypted_entries_are_refused(flags: int) -> None:
    assert "encrypted" in refused(with_flags(foo_wheel(), METADATA, flags), WHEEL)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_pip_may_lack_are_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(METADATA.decode(), FOO.metadata())

    assert "unusual method" in refused(buffer.getvalue(), WHEEL)


def test_two_entries_of_one_name_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(METADATA.decode(), FOO.metadata())
        archive.writestr(METADATA.decode(), Release("foo", "1.0", ["evil"]).metadata())

    assert refused(buffer.getvalue(), WHEEL) == f"it holds `{METADATA.decode()}` twice"


def test_a_name_with_nul_is_refused() -> None:
    body = foo_wheel(**{"nulX.py": b""}).replace(b"nulX.py", b"nul\0.py")

    assert refused(body, WHEEL) == "it holds an entry with the name `nul\\x00.py`"


@pytest.mark.parametrize(
    ("field", "value"),
    [(10, struct.pack("<H", 0)), (42, struct.pack("<L", 1)), (8, struct.pack("<H", 0x1))],
    ids=["method", "offset", "flags"],
)
def test_an_entry_that_disagrees_with_the_directory_is_refused(field: int, value: bytes) -> None:
    body = with_central_field(foo_wheel(), METADATA, field, value)

    assert refused(body, WHEEL)


def test_an_entry_with_another_name_than_the_directory_says_is_refused() -> None:
    body = foo_wheel().replace(b"foo.py", b"bar.py", 1)

    assert refused(body, WHEEL) == "an entry and the directory disagree"


@pytest.mark.parametrize("field", [16, 20, 24], ids=["checksum", "packed size", "size"])
def test_a_wrong_checksum_or_size_of_metadata_is_refused(field: int) -> None:
    body = with_central_field(foo_wheel(), METADATA, field, struct.pack("<L", 77))

    assert refused(body, WHEEL)


def test_damaged_metadata_is_refused() -> None:
    body = foo_wheel()
    at = body.index(METADATA) + len(METADATA) + 10

    assert refused(body[:at] + b"\xff\xff\xff" + body[at + 3 :], WHEEL)


def test_data_after_the_end_is_refused() -> None:
    assert refused(foo_wheel() + b"garbage", WHEEL) == "data follows its end"
    assert refused(foo_wheel() + b"\0" * 70_000, WHEEL) == "it is truncated"


def test_data_before_the_beginning_is_refused() -> None:
    assert refused(b"#!/bin/sh\n" + foo_wheel(), WHEEL) == "it is no zip archive"
    assert refused(foo_wheel() + foo_wheel(), WHEEL) == "its directory is not where it should be"


def test_data_that_the_directory_does_not_know_is_refused() -> None:
    body = foo_wheel()
    *_, size, offset, _ = struct.unpack("<4s4H2LH", body[-22:])
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, offset, 0)

    assert refused(body[:-22] + end, WHEEL) == "it holds data that its directory does not know"


def test_a_second_directory_behind_a_zip64_end_is_refused() -> None:
    body = with_zip64_end(foo_wheel())
    at = body.rindex(b"PK\x06\x06")
    moved = body[:at] + body[at : at + 56] + b"\0\0\0\0" + body[at + 56 :]

    assert refused(moved, WHEEL) == "its end cannot be read"


def test_a_zip_bomb_is_refused_without_inflating_it() -> None:
    body = foo_wheel()
    whole = with_central_field(body, b"foo.py", 24, struct.pack("<L", 0xF0000000))

    assert refused(whole, WHEEL) == "it is a zip bomb"


def test_metadata_that_is_a_bomb_is_refused() -> None:
    metadata = FOO.metadata() + bytes(20 * 1024**2)
    body = wheel_bytes(FOO, metadata=metadata)
    lying = with_central_field(body, METADATA, 24, struct.pack("<L", 1000))

    assert refused(body, WHEEL) == "an entry is larger than 1048576 bytes"
    assert refused(lying, WHEEL) == "an entry is damaged"


def test_an_absurd_number_of_entries_is_refused() -> None:
    body = with_zip64_end(foo_wheel())
    at = body.rindex(b"PK\x06\x06")
    many = struct.pack("<QQ", 2**40, 2**40)

    assert "more than 100000 entries" in refused(body[: at + 24] + many + body[at + 40 :], WHEEL)


def test_one_of_several_parts_is_refused() -> None:
    body = foo_wheel()

    assert refused(body[:-18] + b"\1\0" + body[-16:], WHEEL) == "it is one of several parts"


def test_a_wheel_under_the_name_of_an_sdist_is_refused() -> None:
    assert refused(foo_wheel(), SDIST) == "it is damaged, or no such archive"


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    body = bytearray(foo_wheel())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    with suppress(BrokenArchive):
        assert read(bytes(body), WHEEL).metadata is not None


@settings(deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04"]), st.sampled_from([b"", foo_wheel()[-22:]])
)
def test_any_bytes_are_survived(middle: bytes, start: bytes, end: bytes) -> None:
    assert refused(start + middle + end, WHEEL)
