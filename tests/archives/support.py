"""What the tests of archives share: write bytes under a name, and read them as a scan would."""

from __future__ import annotations

import os
import struct
import tempfile

import pytest

from pypitool.archives.archive import read_archive
from pypitool.archives.open_archive import ArchiveFacts, BrokenArchive
from pypitool.core.filenames import parse
from tests.support.wheels import Release, wheel_bytes

FOO = Release("foo", "1.0")
WHEEL = "foo-1.0-py3-none-any.whl"
SDIST = "foo-1.0.tar.gz"


def read(body: bytes, filename: str) -> ArchiveFacts:
    """Read `body` as if it were a file of that name."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        return read_archive(file.fileno(), parse(filename), len(body))


def refused(body: bytes, filename: str) -> str:
    """Return the reason for which `body` is refused."""
    with pytest.raises(BrokenArchive) as caught:
        read(body, filename)
    assert str(caught.value).isprintable()
    return caught.value.reason


def open_descriptors() -> int:
    """Count what this process has open."""
    return len(os.listdir("/proc/self/fd"))


def with_central_field(archive: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """Change the central directory's line of one entry, leaving its local header alone."""
    at = archive.rindex(name) - 46
    assert archive[at : at + 4] == b"PK\x01\x02"
    return archive[: at + offset] + value + archive[at + offset + len(value) :]


def with_flags(archive: bytes, name: bytes, flags: int) -> bytes:
    """Set the flags of one entry, in both places."""
    value = struct.pack("<H", flags)
    at = archive.index(name) - 30
    assert archive[at : at + 4] == b"PK\x03\x04"
    return with_central_field(archive[: at + 6] + value + archive[at + 8 :], name, 8, value)


def foo_wheel(**extra: bytes) -> bytes:
    """Make a valid wheel of foo 1.0."""
    return wheel_bytes(FOO, extra_files=extra)
