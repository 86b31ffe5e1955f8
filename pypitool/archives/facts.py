"""What opening an archive gives, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.metadata import CoreMetadata
from pypitool.core.text import printable

METADATA_LIMIT = 1024**2  # bytes; the longest README that anyone publishes is a fifth of it
BOMB_SIZE = 64 * 1024**2  # what inflates to less harms nobody, whatever the ratio
BOMB_RATIO = 50


class BrokenArchive(PypitoolError):
    """A file that is not, or not yet, the archive that its name promises."""

    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(filename, reason)
        self.filename = filename
        self.reason = reason

    def __str__(self) -> str:
        return f"`{printable(self.filename)}` is not usable: {self.reason}"


class Fault(Exception):
    """What is wrong with an archive, said by a part that does not know the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What an archive says of itself, in bytes and as values."""

    metadata_body: bytes | None = None
    metadata: CoreMetadata | None = None
    doubt: str = ""  # why an archive that is whole is listed without metadata


def is_bomb(inflated: int, size: int) -> bool:
    """Tell whether an archive of `size` bytes inflates beyond what honest ones do."""
    return inflated > BOMB_SIZE and inflated > BOMB_RATIO * size
