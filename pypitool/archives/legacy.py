"""The kinds of old: listed and served without metadata, so it is enough that they are whole."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.archives.facts import Fault
from pypitool.archives.inflating import gunzipped, unbzipped, unxzed
from pypitool.archives.source import Source
from pypitool.archives.zips import check_end

_INSTALLERS = {".exe": b"MZ", ".msi": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}


def check_legacy(source: Source, filename: str) -> None:
    """Raise `Fault` where a file of an old kind is cut short or something else."""
    lower = filename.lower()
    if lower.endswith(".tgz"):
        _drain(gunzipped(source))
    elif lower.endswith(".tar.bz2"):
        _drain(unbzipped(source))
    elif lower.endswith(".tar.xz"):
        _drain(unxzed(source))
    elif lower.endswith(".egg"):
        check_end(source)  # its beginning may be a shell script: setuptools' own eggs install themselves
    else:
        _check_installer(source, lower[-4:])


def _check_installer(source: Source, extension: str) -> None:
    magic = _INSTALLERS[extension]
    if source.at(0, min(len(magic), source.size)) != magic:
        raise Fault(f"it is no {extension} file")


def _drain(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
