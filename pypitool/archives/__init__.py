"""Wheels and sdists, read safely: hostile, damaged and half-copied ones have an answer too."""

from pypitool.archives.digest import Digester, digest_stream
from pypitool.archives.facts import ArchiveFacts, BrokenArchive
from pypitool.archives.reading import read_archive

__all__ = ["ArchiveFacts", "BrokenArchive", "Digester", "digest_stream", "read_archive"]
