"""Kinds of old: listed without metadata, if they are whole."""

from __future__ import annotations

import pytest

from pypitool.archives.open_archive import ArchiveFacts
from tests.archives.support import FOO, foo_wheel, read, refused
from tests.support.wheels import sdist_bytes, zip_bytes

GOOD = {
    "foo-1.0.tgz": sdist_bytes(FOO, suffix=".tgz"),
    "foo-1.0.tar.bz2": sdist_bytes(FOO, suffix=".tar.bz2"),
    "foo-1.0.tar.xz": sdist_bytes(FOO, suffix=".tar.xz"),
    "foo-1.0-py2.7.egg": zip_bytes({"EGG-INFO/PKG-INFO": FOO.metadata()}),
    "setuptools-0.6c11-py2.7.egg": b"#!/bin/sh\nexec python\n" + zip_bytes({"EGG-INFO/PKG-INFO": b""}),
    "foo-1.0.win32-py2.7.exe": b"MZ" + bytes(100),
    "foo-1.0.win32-py2.7.msi": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
}


@pytest.mark.parametrize("filename", GOOD)
def test_a_whole_file_of_an_old_kind_has_no_metadata(filename: str) -> None:
    assert read(GOOD[filename], filename) == ArchiveFacts()


@pytest.mark.parametrize("filename", GOOD)
def test_something_else_under_an_old_name_is_refused(filename: str) -> None:
    assert refused(b"", filename) == "it is empty"
    assert refused(b"M", filename)
    assert refused(b"something else" * 10, filename)


@pytest.mark.parametrize("filename", ["foo-1.0.tgz", "foo-1.0.tar.bz2", "foo-1.0.tar.xz"])
def test_a_truncated_file_of_an_old_kind_is_refused_at_every_length(filename: str) -> None:
    body = GOOD[filename]

    for length in range(len(body)):
        assert refused(body[:length], filename)


def test_a_truncated_egg_is_refused() -> None:
    assert refused(foo_wheel()[:-1], "foo-1.0-py2.7.egg")
