"""What can go wrong with the catalogue, each with a sentence."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.model import HeldFile


class ReleaseFileExists(PypitoolError):
    """A file is already held, or being published, under this name or another spelling of it."""

    kind = Kind.CONFLICT

    def __init__(self, filename: str, sha256: str, held: HeldFile, *, live: bool) -> None:
        self.filename = filename
        self.sha256 = sha256
        self.held = held
        self.live = live  # False: another writer is publishing it
        self.hint = "versions are immutable: bump the version, or compare the two files"
        super().__init__(filename, sha256, held.filename)

    @property
    def same_bytes(self) -> bool:
        """Tell whether what is held has the very bytes that were to be published."""
        return self.held.contents.digests.sha256 == self.sha256

    def __str__(self) -> str:
        # Clients look for these three words first: twine and uv print no more than the first line.
        return f"File already exists: `{self.filename}` is {self._state()} with {self._contents()}"

    def _state(self) -> str:
        spelling = "" if self.held.filename == self.filename else f" as `{self.held.filename}`"
        return f"{'held' if self.live else 'being published'}{spelling}"

    def _contents(self) -> str:
        if self.same_bytes:
            return "the same contents"
        held = self.held.contents.digests.sha256
        return f"different contents (sha256 {held[:12]}… ≠ {self.sha256[:12]}…)"


class CatalogueError(PypitoolError):
    """Something is wrong with the catalogue as a whole."""

    kind = Kind.UNAVAILABLE

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        self.detail = detail
        super().__init__(path, detail)

    def __str__(self) -> str:
        return f"the catalogue {self.path} cannot be used: {self.detail}"


class CatalogueDamaged(CatalogueError):
    """The file is not a sound catalogue: it has to be set aside and rebuilt."""

    hint = "a running server rebuilds it from the package directories and `facts.jsonl`, or the next start"

    def __str__(self) -> str:
        return f"the catalogue {self.path} is damaged: {self.detail}"


class CatalogueMissing(CatalogueError):
    """There is no catalogue where one was expected."""

    def __str__(self) -> str:
        return f"there is no catalogue at {self.path}"


class CatalogueBusy(CatalogueError):
    """Other writers did not let go in time."""

    hint = "another process has been writing for long: try again"

    def __str__(self) -> str:
        return f"the catalogue {self.path} is busy: {self.detail}"


class CatalogueReadOnly(CatalogueError):
    """The file or its directory cannot be written."""

    hint = "check the owner and the permissions of the state directory, and whether the disk is writable"

    def __str__(self) -> str:
        return f"the catalogue {self.path} cannot be written: {self.detail}"


class CatalogueOld(PypitoolError):
    """An older pypitool made this catalogue; whoever may write it migrates it."""

    kind = Kind.CONFIG

    hint = "start the server, or run a command that changes something: that migrates it"

    def __init__(self, path: Path, behind: int) -> None:
        self.path = path
        self.behind = behind  # versions of the schema
        super().__init__(path, behind)

    def __str__(self) -> str:
        return f"the catalogue {self.path} was made by an older pypitool and is not migrated yet"


class CatalogueTooNew(PypitoolError):
    """A newer pypitool made this catalogue."""

    kind = Kind.CONFIG

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.path = path
        self.version = version
        self.known = known
        self.hint = "upgrade pypitool, or restore a backup that the older version made"
        super().__init__(path, version, known)

    def __str__(self) -> str:
        return (
            f"the catalogue {self.path} has schema {self.version}, "
            f"made by a newer pypitool; this one knows schemas up to {self.known}"
        )


# By message and not by `sqlite_errorcode`: Python 3.10 has no such attribute.
_FULL = ("database or disk is full",)
_BUSY = ("database is locked", "database table is locked")
_READ_ONLY = ("attempt to write a readonly database", "unable to open database file")
_DAMAGED = ("malformed", "not a database", "no such table", "no such column", "unsupported file format")


_FULL_BELOW = 256 * 1024  # bytes


# What Python raises where SQLite reads nonsense without noticing: text that is no UTF-8, a number that is
# text, a word that is none of ours. Only where rows are read: elsewhere they are faults of our own.
NONSENSE = (LookupError, TypeError, UnicodeDecodeError, ValueError, zlib.error)


def translate(error: Exception, path: Path) -> PypitoolError:
    """Name the failure that SQLite reports, or that reading its rows met."""
    text = str(error)
    if isinstance(error, NONSENSE):
        return CatalogueDamaged(path, f"it holds what nobody can have written ({text})")
    if any(words in text for words in _FULL) or ("I/O error" in text and _is_full(path.parent)):
        return NoSpace(f"the catalogue {path}")
    if any(words in text for words in _BUSY):
        return CatalogueBusy(path, text)
    if any(words in text for words in _READ_ONLY):
        return CatalogueReadOnly(path, text)
    if "Could not decode to UTF-8" in text:
        return CatalogueDamaged(path, "it holds text that is not UTF-8")  # SQLite's message repeats all of it
    if any(words in text for words in _DAMAGED):
        return CatalogueDamaged(path, text)
    return CatalogueError(path, text)


def _is_full(directory: Path) -> bool:
    # SQLite calls some failures for want of space an I/O error, and keeps the number of the error to itself.
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _FULL_BELOW
