"""Sdists: whole ones are listed, with metadata where PKG-INFO is clear."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypitool.archives import tars
from pypitool.archives.open_archive import BrokenArchive
from tests.archives.support import FOO, SDIST, read, refused
from tests.support.wheels import Release, sdist_bytes, tar_bytes, zip_bytes

ZIP = "foo-1.0.zip"


def tar_of(*members: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> bytes:
    """Make an archive of members whose bodies are zeros."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return gzip.compress(buffer.getvalue())


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """Describe a member."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


@pytest.mark.parametrize(
    ("suffix", "filename"), [(".tar.gz", SDIST), (".zip", ZIP), (".tar.gz", "Foo-1.0.TAR.GZ")]
)
def test_pkg_info_is_read_byte_for_byte(suffix: str, filename: str) -> None:
    facts = read(sdist_bytes(FOO, suffix=suffix), filename)

    assert facts.metadata_body == FOO.metadata()
    assert facts.metadata is not None
    assert facts.metadata.version == "1.0"
    assert facts.doubt == ""


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_a_truncated_sdist_is_refused_at_every_length(suffix: str) -> None:
    body = sdist_bytes(FOO, suffix=suffix)

    for length in range(len(body)):
        assert refused(body[:length], "foo-1.0" + suffix)


@pytest.mark.parametrize(
    ("members", "doubt"),
    [
        ({"foo-1.0/setup.py": b""}, "it holds no PKG-INFO"),
        ({"PKG-INFO": FOO.metadata()}, "it holds no PKG-INFO"),
        ({"foo-1.0/foo.egg-info/PKG-INFO": FOO.metadata()}, "it holds no PKG-INFO"),
        ({"foo-1.0/PKG-INFO": b""}, "its PKG-INFO is empty or unreadable"),
        ({"foo-1.0/PKG-INFO": b"x" * (1024**2 + 1)}, "its PKG-INFO is empty or unreadable"),
        ({"foo-1.0/PKG-INFO": b"Name: foo\n"}, "the core metadata is unusable: it names no version"),
        ({"foo-1.0/PKG-INFO": Release("foo", "2").metadata()}, "its metadata names the version `2`"),
        ({"foo-1.0/PKG-INFO": Release("bar", "1.0").metadata()}, "its metadata names the project `bar`"),
        ({"foo-1.0/PKG-INFO": FOO.metadata(), "./foo-1.0//PKG-INFO": b"x"}, "it holds PKG-INFO twice"),
    ],
)
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_old_sdist_without_clear_metadata_is_whole_all_the_same(
    suffix: str, members: dict[str, bytes], doubt: str
) -> None:
    body = zip_bytes(members) if suffix == ".zip" else tar_bytes(members)

    facts = read(body, "foo-1.0" + suffix)

    assert (facts.metadata, facts.metadata_body, facts.doubt) == (None, None, doubt)


def test_the_directory_named_as_the_file_comes_first() -> None:
    other = Release("foo", "9.9").metadata()
    members = {"a/PKG-INFO": other, "foo-1.0/PKG-INFO": FOO.metadata(), "z/PKG-INFO": other}

    assert read(tar_bytes(members), SDIST).metadata_body == FOO.metadata()


def test_a_directory_of_another_name_will_do() -> None:
    members = {"./Foo/PKG-INFO": FOO.metadata(), "z/PKG-INFO": b"x"}

    assert read(tar_bytes(members), SDIST).metadata_body == FOO.metadata()


def test_a_version_that_pep_440_refuses_is_compared_as_text() -> None:
    metadata = Release("foo", "1.0-Custom").metadata()

    facts = read(tar_bytes({"foo-1.0-custom/PKG-INFO": metadata}), "foo-1.0-custom.tar.gz")

    assert facts.metadata_body == metadata


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar_is_read(form: int) -> None:
    buffer = io.BytesIO()
    long_name = f"foo-1.0/{'d' * 90}/{'e' * 90}.py"
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        archive.addfile(member(long_name, 700), io.BytesIO(bytes(700)))
        archive.addfile(member("foo-1.0/link", kind=tarfile.SYMTYPE))
        archive.addfile(member("foo-1.0/", kind=tarfile.DIRTYPE))
        info = member("foo-1.0/PKG-INFO", len(FOO.metadata()))
        archive.addfile(info, io.BytesIO(FOO.metadata()))

    assert read(gzip.compress(buffer.getvalue()), SDIST).metadata_body == FOO.metadata()


def test_names_beyond_100_bytes_are_put_together_as_tarfile_does() -> None:
    filename = f"{'n' * 150}-1.0.tar.gz"
    metadata = Release("n" * 150, "1.0").metadata()
    top = f"{'n' * 150}-1.0"

    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            archive.addfile(member(f"{top}/PKG-INFO", len(metadata)), io.BytesIO(metadata))

        assert read(gzip.compress(buffer.getvalue()), filename).metadata_body == metadata


def test_several_gzip_members_and_zeros_at_the_end_are_usual() -> None:
    plain = gzip.decompress(sdist_bytes(FOO))
    body = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + bytes(1000)

    assert read(body, SDIST).metadata is not None


def test_a_tar_without_its_closing_blocks_is_usual() -> None:
    plain = gzip.decompress(sdist_bytes(FOO)).rstrip(b"\0")
    body = gzip.compress(plain + bytes(-len(plain) % 512))

    assert read(body, SDIST).metadata is not None


BROKEN = {
    "empty": (b"", "it is empty"),
    "text": (b"not an archive", "it is damaged, or no such archive"),
    "zeros": (bytes(5000), "it is damaged, or no such archive"),
    "bzip2": (bz2.compress(b"x"), "it is damaged, or no such archive"),
    "plain tar": (tar_bytes({"a": b""}, suffix=".tar"), "it is damaged, or no such archive"),
    "empty gzip": (gzip.compress(b""), "it is empty"),
    "empty tar": (gzip.compress(bytes(1024)), "it is empty"),
    "short text": (gzip.compress(b"no tar"), "it holds no tar archive, or a damaged one"),
    "long text": (gzip.compress(b"no tar" * 1000), "it holds no tar archive, or a damaged one"),
    "garbage": (sdist_bytes(FOO) + b"garbage", "data follows its end"),
    "checksum": (sdist_bytes(FOO)[:-8] + bytes(8), "it is damaged, or no such archive"),
    "sparse": (tar_of(member("a", kind=b"S")), "it holds sparse files"),
    "cut inside": (gzip.compress(gzip.decompress(sdist_bytes(FOO))[:1600]), "a file in it is cut short"),
}


@pytest.mark.parametrize(("body", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_gzipped_tar_is_refused(body: bytes, reason: str) -> None:
    assert refused(body, SDIST) == reason


def header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """Write a tar header by hand, with its checksum."""
    block = bytearray(
        name.ljust(100, b"\0") + bytes(24) + size.ljust(12, b"\0") + bytes(12) + b" " * 8 + kind
    )
    block += b"\0" * 100 + b"ustar\0" + b"00" + bytes(247)
    block = block[:512].ljust(512, b"\0")
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(record: bytes) -> bytes:
    """Write a header that says more about the next member."""
    return header(b"pax", b"%o" % len(record), b"x") + record.ljust(512, b"\0")


ABSURD = {
    "negative": header(b"a", b"-0000001"),
    "underscore": header(b"a", b"0_7"),
    "not octal": header(b"a", b"99999999"),
    "minus one": header(b"a", b"\xff" * 12),
    "huge": header(b"a", b"\x80" + b"\xff" * 11),
    "long name": header(b"long", b"77777777777", b"L"),
    "pax length": pax(b"99 a=b\n"),
    "pax negative": pax(b"-1 a=bc\n"),
    "pax zero": pax(b"0 a=b\n"),
    "pax text": pax(b"zzzzzzzz"),
    "pax sparse": pax(b"19 GNU.sparse.map=\n") + header(b"a", b"0"),
}


@pytest.mark.parametrize("body", ABSURD.values(), ids=ABSURD)
def test_absurd_headers_are_refused(body: bytes) -> None:
    assert refused(gzip.compress(body + bytes(1024)), SDIST)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1024**2)
    body = packer.compress(header(b"foo-1.0/zeros", b"70000000000"))
    body += b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()

    assert refused(body, SDIST) == "it is a decompression bomb"


def test_a_hundred_thousand_pkg_infos_are_not_held() -> None:
    block = header(b"foo-1.0/PKG-INFO", b"0")

    assert read(gzip.compress(block * 2000), SDIST).doubt == "it holds PKG-INFO twice"


@pytest.mark.slow
def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tars._MOST_MEMBERS == 200_000
    monkeypatch.setattr(tars, "_MOST_MEMBERS", 2_000)
    # With three megabytes of noise before them, which keep the ratio of an honest archive.
    noise = header(b"noise", b"%o" % (3 * 1024**2)) + os.urandom(3 * 1024**2)

    body = gzip.compress(noise + header(b"a", b"0") * 2_010, 1)

    assert refused(body, SDIST) == "it holds more than 2000 files"


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_damage_inside_is_survived(data: st.DataObject) -> None:
    plain = bytearray(gzip.decompress(sdist_bytes(FOO)))
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))

    with suppress(BrokenArchive):
        read(gzip.compress(bytes(plain), 1), SDIST)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    assert refused(body, SDIST)
    assert refused(body, ZIP)


def test_a_zip_whose_pkg_info_is_packed_strangely_is_listed_without_metadata() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("foo-1.0/PKG-INFO", FOO.metadata())

    assert read(buffer.getvalue(), ZIP).doubt == "its PKG-INFO is empty or unreadable"
