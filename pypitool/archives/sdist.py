"""The PKG-INFO of an sdist, read without unpacking it.

Old sdists must go on working: one without PKG-INFO, or with one that speaks of another release, is whole
all the same. It is listed without metadata, and an upload of it is refused elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.archives.open_archive import ArchiveFacts, ArchiveFault, OpenArchive
from pypitool.archives.tars import gunzipped, read_members
from pypitool.archives.wheel import disagreement
from pypitool.archives.zips import read_entries, read_entry
from pypitool.core.filenames import Distribution
from pypitool.core.limits import METADATA
from pypitool.core.metadata import BadMetadata, parse_metadata


def read_sdist(archive: OpenArchive, distribution: Distribution) -> ArchiveFacts:
    """Read `{top}/PKG-INFO`; the archive must be whole."""
    is_zip = distribution.filename.lower().endswith(".zip")
    found = _from_zip(archive) if is_zip else _from_tar(archive)
    stem = distribution.filename[: -len(".zip" if is_zip else ".tar.gz")].encode()
    bodies = _chosen(found, stem)
    if not bodies:
        return ArchiveFacts(doubt="it holds no PKG-INFO")
    if len(bodies) > 1:
        return ArchiveFacts(doubt="it holds PKG-INFO twice")
    return _facts(bodies[0], distribution)


def _chosen(found: Iterator[tuple[bytes, bytes]], stem: bytes) -> list[bytes]:
    """Return the PKG-INFO of the directory that is named as the file is, else of the first one.

    At most two bodies are held: an archive may hold a hundred thousand.
    """
    chosen: bytes | None = None
    bodies: list[bytes] = []
    for top, body in found:
        if chosen is None or (top == stem and chosen != stem):
            chosen, bodies = top, [body]
        elif top == chosen:
            bodies = [*bodies[:1], body]
    return bodies


def _facts(body: bytes, distribution: Distribution) -> ArchiveFacts:
    if not body:
        return ArchiveFacts(doubt="its PKG-INFO is empty or unreadable")
    try:
        metadata = parse_metadata(body)
    except BadMetadata as error:
        return ArchiveFacts(doubt=str(error))
    doubt = disagreement(metadata, distribution)
    return ArchiveFacts(doubt=doubt) if doubt else ArchiveFacts(body, metadata)


def _from_tar(archive: OpenArchive) -> Iterator[tuple[bytes, bytes]]:
    members = read_members(gunzipped(archive), lambda name: _top(name) is not None, METADATA.most)
    for member in members:
        top = _top(member.name)
        if top is not None:
            yield top, member.body


def _from_zip(archive: OpenArchive) -> Iterator[tuple[bytes, bytes]]:
    wanted = [(top, entry) for entry in read_entries(archive) if (top := _top(entry.name)) is not None]
    for top, entry in wanted:
        try:
            yield top, read_entry(archive, entry, METADATA.most)
        except ArchiveFault:
            yield top, b""  # the archive is whole, this file in it is not readable


def _top(name: bytes) -> bytes | None:
    """Return the directory of a PKG-INFO that lies in a top directory."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    return parts[0] if len(parts) == 2 and parts[1] == b"PKG-INFO" else None
