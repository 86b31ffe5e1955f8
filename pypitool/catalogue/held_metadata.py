"""METADATA that the catalogue keeps, as values.

Not among the rows: a start that only opens a catalogue would pay for the parser.
"""

from __future__ import annotations

from collections.abc import Iterable

from pypitool.catalogue.catalogue import Reader
from pypitool.core.documents import metadata_digests
from pypitool.core.metadata import BadMetadata, CoreMetadata, parse_metadata
from pypitool.core.model import HeldFile


def metadata_under(catalogue: Reader, digest: str) -> CoreMetadata | None:
    """Return what is kept under a digest, if it can be read."""
    body = catalogue.metadata(digest)
    try:
        return None if body is None else parse_metadata(body)
    except BadMetadata:
        return None


def metadata_of(catalogue: Reader, files: Iterable[HeldFile]) -> CoreMetadata | None:
    """Return what one of the files of a release says of it."""
    found = (metadata_under(catalogue, digest) for digest in metadata_digests(files))
    return next((metadata for metadata in found if metadata is not None), None)
