"""The METADATA of a wheel, read without unpacking it."""

from __future__ import annotations

import re
from collections.abc import Collection

from packaging.utils import canonicalize_name

from pypitool.archives.open_archive import ArchiveFacts, ArchiveFault, OpenArchive
from pypitool.archives.zips import ZipEntry, read_entries, read_entry, read_unambiguous, shown
from pypitool.core.filenames import Distribution
from pypitool.core.limits import METADATA
from pypitool.core.metadata import BadMetadata, CoreMetadata, parse_metadata
from pypitool.core.text import printable
from pypitool.core.versions import canonical

_DIST_INFO = re.compile(rb"([^/]+\.dist-info)/(.*)", re.DOTALL)
_METADATA = b"METADATA"
# What installers read beside it: pip and uv end with an error of their own where one is missing.
_ESSENTIAL = (b"WHEEL", b"RECORD")


def read_wheel(archive: OpenArchive, distribution: Distribution) -> ArchiveFacts:
    """Read METADATA; the wheel must be whole, unambiguous, and the one that its name says."""
    folders: set[bytes] = set()
    held: dict[bytes, ZipEntry] = {}
    for entry in read_unambiguous(archive):
        found = _DIST_INFO.fullmatch(entry.name)
        if found:
            folders.add(found[1])
            if found[2] in (_METADATA, *_ESSENTIAL):  # and no other: a hostile one holds 100,000
                held[found[2]] = entry
    _check_folders(folders, distribution)
    if _METADATA not in held:
        raise ArchiveFault("it holds no METADATA")
    body = read_entry(archive, held[_METADATA], METADATA.most)
    return ArchiveFacts(body, _parsed(body, distribution), gap=_gap(held))


def metadata_at_end(archive: OpenArchive) -> bytes:
    """Return METADATA, which lies near the directory at the end; nothing else of the wheel is looked at."""
    for entry in read_entries(archive):
        found = _DIST_INFO.fullmatch(entry.name)
        if found and found[2] == _METADATA:
            return read_entry(archive, entry, METADATA.most)
    raise ArchiveFault("it holds no METADATA")


def _gap(held: Collection[bytes]) -> str:
    missing = [name.decode() for name in _ESSENTIAL if name not in held]
    return f"it holds no {' and no '.join(missing)}, and cannot be installed" if missing else ""


def disagreement(metadata: CoreMetadata, distribution: Distribution) -> str:
    """Say where the metadata speaks of another release than the file's name; empty if it does not."""
    if metadata.project != distribution.project:
        return f"its metadata names the project `{printable(metadata.name)}`"
    if canonical(metadata.version) != canonical(distribution.version):
        return f"its metadata names the version `{printable(metadata.version)}`"
    return ""


def _check_folders(folders: set[bytes], distribution: Distribution) -> None:
    if not folders:
        raise ArchiveFault("it holds no .dist-info directory")
    if len(folders) > 1:
        raise ArchiveFault("it holds several .dist-info directories")
    # Only the beginning, as pip: how the version was escaped there has changed over the years.
    folder = folders.pop()
    if not canonicalize_name(shown(folder)).startswith(distribution.project):
        raise ArchiveFault(f"its .dist-info directory is `{shown(folder)}`")


def _parsed(body: bytes, distribution: Distribution) -> CoreMetadata:
    try:
        metadata = parse_metadata(body)
    except BadMetadata as error:
        raise ArchiveFault(str(error)) from error
    fault = disagreement(metadata, distribution)
    if fault:
        raise ArchiveFault(fault)
    return metadata
