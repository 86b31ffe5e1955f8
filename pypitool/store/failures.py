"""What can go wrong with package files, and what an error of the operating system means for them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError, of_the_machine
from pypitool.core.model import Location

# What opening says when a walk would not have met the file: a part of its path is missing, or is a link.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EISDIR)
_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class NoSuchFile(PypitoolError):
    """There is no file to be served at a location."""

    kind = Kind.NOT_FOUND
    sentence = "there is no file `{location.path}`"
    location: Location


class NotReadable(PypitoolError):
    """A file is there and cannot be read just now."""

    kind = Kind.UNAVAILABLE
    sentence = "`{location.path}` cannot be read: {cause}"
    location: Location
    cause: str


def unreadable(location: Location, error: OSError) -> NotReadable:
    """Name what the operating system says of reading a file or a folder."""
    return NotReadable(location, (error.strerror or str(error)).lower())


class Occupied(PypitoolError):
    """A file has the name already, and nothing was asked to replace it."""

    kind = Kind.CONFLICT
    # Clients look for the first three words, see `catalogue.errors.ReleaseFileExists`.
    sentence = "File already exists: `{location.path}`"
    location: Location


class NotWritable(PypitoolError):
    """A package directory cannot be written just now."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    # Without the folder: clients read this, and where packages lie is not theirs to know.
    sentence = "the package directory cannot be written: {cause}"
    hint = "make `{folder}` writable for the user that pypitool runs as"
    folder: Path
    cause: str


class ReadOnlyDisk(NotWritable):
    """The file system of a package directory is read-only here, whoever owns it."""

    hint = (
        "in a unit of systemd the line `ReadWritePaths={folder}` opens it, which `pypitool setup systemd` "
        "writes; elsewhere a mount that may be written"
    )


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Name what goes wrong while writing into `folder`."""
    try:
        yield
    except OSError as error:
        known = of_the_machine(error, "the package directory")
        if known is not None:
            raise known from error
        if error.errno in _NOT_WRITABLE:
            kind = ReadOnlyDisk if error.errno == errno.EROFS else NotWritable
            raise kind(folder, os.strerror(error.errno).lower()) from error
        raise
