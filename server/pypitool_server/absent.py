"""What the catalogue does not have: it is not here, or nobody can say yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool_server.services import services


class StillReading(PypitoolError):
    """The directories are being read for the first time: what is not known may be there all the same.

    Neither 404 nor the fallback would be true, and the fallback would hear a name that is ours.
    """

    kind = Kind.UNAVAILABLE
    # pip comes back five times.
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}

    def __str__(self) -> str:
        return "not known yet: the package directories are still being read"


def refuse_while_reading() -> None:
    """Raise `StillReading` until the directories were walked to their end."""
    if not services().repository.catalogue.is_complete():
        raise StillReading


def refuse_unless_absent(project: NormalizedName) -> None:
    """Raise `StillReading` unless it is certain that we hold no file of a project."""
    refuse_while_reading()
    # Asked again: it may have been listed, and the walk have ended, since the caller looked.
    if services().repository.catalogue.project(project) is not None:
        raise StillReading
