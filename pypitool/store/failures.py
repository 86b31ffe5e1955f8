"""What can go wrong with package files, and what an error of the operating system means for them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.model import Location

# What opening says when a walk would not have met the file: a part of its path is missing, or is a link.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EISDIR)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class NoSuchFile(PypitoolError):
    """There is no file to be served at a location."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND

    def __init__(self, location: Location) -> None:
        super().__init__(location)
        self.location = location

    def __str__(self) -> str:
        return f"there is no file `{self.location.path}`"


class NotReadable(PypitoolError):
    """A file is there and cannot be read just now."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE

    def __init__(self, location: Location, cause: str) -> None:
        super().__init__(location, cause)
        self.location = location
        self.cause = cause

    def __str__(self) -> str:
        return f"`{self.location.path}` cannot be read: {self.cause}"


class Occupied(PypitoolError):
    """A file has the name already, and nothing was asked to replace it."""

    kind: ClassVar[Kind] = Kind.CONFLICT

    def __init__(self, location: Location) -> None:
        super().__init__(location)
        self.location = location

    def __str__(self) -> str:
        # Clients look for the first three words, see `catalogue.errors.ReleaseFileExists`.
        return f"File already exists: `{self.location.path}`"


class NotWritable(PypitoolError):
    """A package directory cannot be written just now."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE

    def __init__(self, folder: Path, cause: str) -> None:
        super().__init__(folder, cause)
        self.folder = folder
        self.cause = cause
        self.hint = f"make `{folder}` writable for the user that pypitool runs as"

    def __str__(self) -> str:
        # Without the folder: clients read this, and where packages lie is not theirs to know.
        return f"the package directory cannot be written: {self.cause}"


def failure(error: OSError, folder: Path) -> PypitoolError | None:
    """Name what an error means that came up while writing into `folder`."""
    if error.errno in _FULL:
        return NoSpace("the package directory")
    if error.errno in _NOT_WRITABLE:
        return NotWritable(folder, os.strerror(error.errno).lower())
    return None


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Name what goes wrong while writing into `folder`."""
    try:
        yield
    except OSError as error:
        named = failure(error, folder)
        if named is None:
            raise
        raise named from error
