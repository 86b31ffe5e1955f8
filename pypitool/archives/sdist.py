"""The PKG-INFO of an sdist, read without unpacking it.

Old sdists must go on working: one without PKG-INFO, or with one that speaks of another release, is whole
all the same. It is listed without metadata, and an upload of it is refused elsewhere. The second is reported,
because installers end at it.
"""

from __future__ import annotations

from pypitool.archives.open_archive import ArchiveFacts, ArchiveFault, OpenArchive
from pypitool.archives.tars import gunzipped, read_members
from pypitool.archives.wheel import disagreement
from pypitool.archives.zips import ZipEntry, read_entries, read_entry
from pypitool.core.filenames import Distribution
from pypitool.core.limits import METADATA
from pypitool.core.metadata import BadMetadata, parse_metadata


def read_sdist(archive: OpenArchive, distribution: Distribution) -> ArchiveFacts:
    """Read `{top}/PKG-INFO`; the archive must be whole."""
    is_zip = distribution.filename.lower().endswith(".zip")
    stem = distribution.filename[: -len(".zip" if is_zip else ".tar.gz")].encode()
    choice = _Choice(stem)
    body = _from_zip(archive, choice) if is_zip else _from_tar(archive, choice)
    if not choice.count:
        return ArchiveFacts(doubt="it holds no PKG-INFO")
    if choice.count > 1:
        return ArchiveFacts(doubt="it holds PKG-INFO twice")
    return _facts(body, distribution)


class _Choice:
    """Chooses the PKG-INFO of the directory that is named as the file is, else of the first one."""

    def __init__(self, stem: bytes) -> None:
        self._stem = stem
        self._top: bytes | None = None
        self.count = 0

    def takes(self, name: bytes) -> bool:
        """Tell whether a file is the one, as far as anybody knows yet; a second one nobody has to read."""
        top = _top(name)
        if top is None:
            return False
        if self._top is None or (top == self._stem and self._top != self._stem):
            self._top, self.count = top, 1
            return True
        self.count += top == self._top
        return False


def _facts(body: bytes, distribution: Distribution) -> ArchiveFacts:
    if not body:
        return ArchiveFacts(doubt="its PKG-INFO is empty or unreadable")
    try:
        metadata = parse_metadata(body)
    except BadMetadata as error:
        return ArchiveFacts(doubt=str(error))
    doubt = disagreement(metadata, distribution)
    return ArchiveFacts(doubt=doubt, misnamed=doubt) if doubt else ArchiveFacts(body, metadata)


def _from_tar(archive: OpenArchive, choice: _Choice) -> bytes:
    body = b""
    for member in read_members(gunzipped(archive), choice.takes, METADATA.most):
        body = member.body if member.is_wanted else body
    return body


def _from_zip(archive: OpenArchive, choice: _Choice) -> bytes:
    chosen: ZipEntry | None = None
    for entry in read_entries(archive):
        chosen = entry if choice.takes(entry.name) else chosen
    if chosen is None or choice.count > 1:
        return b""
    try:
        return read_entry(archive, chosen, METADATA.most)
    except ArchiveFault:
        return b""  # the archive is whole, this file in it is not readable


def _top(name: bytes) -> bytes | None:
    """Return the directory of a PKG-INFO that lies in a top directory."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    return parts[0] if len(parts) == 2 and parts[1] == b"PKG-INFO" else None
