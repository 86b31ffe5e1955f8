"""What can go wrong with the catalogue, each with a sentence."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from pypitool.core.errors import Kind, NoSpace, PypitoolError, TooManyOpenFiles
from pypitool.core.model import HeldFile

# By message and not by `sqlite_errorcode`: Python 3.10 has no such attribute.
_FULL = ("database or disk is full",)
_BUSY = ("database is locked", "database table is locked")
_READ_ONLY = ("attempt to write a readonly database", "unable to open database file")
_DAMAGED = ("malformed", "not a database", "no such table", "no such column", "unsupported file format")

# By name, because a start that opens no catalogue does not import `sqlite3`.
_UNSTORABLE = ("DataError", "IntegrityError", "InterfaceError", "ProgrammingError")

_FULL_BELOW = 256 * 1024  # bytes

# What Python raises where SQLite reads nonsense without noticing: text that is no UTF-8, a number that is
# text, a word that is none of ours. Only where rows are read: elsewhere they are faults of our own.
NONSENSE = (LookupError, TypeError, UnicodeDecodeError, ValueError, zlib.error)


class ReleaseFileExists(PypitoolError):
    """A file is already held, or being published, under this name or another spelling of it."""

    kind = Kind.CONFLICT
    hint = "versions are immutable: bump the version, or compare the two files"
    filename: str
    sha256: str
    held: HeldFile
    live: bool  # False: another writer is publishing it

    @property
    def same_bytes(self) -> bool:
        """Tell whether what is held has the very bytes that were to be published."""
        return self.held.contents.digests.sha256 == self.sha256

    def _state(self) -> str:
        spelling = "" if self.held.filename == self.filename else f" as `{self.held.filename}`"
        return f"{'held' if self.live else 'being published'}{spelling}"

    def _contents(self) -> str:
        if self.same_bytes:
            return "the same contents"
        held = self.held.contents.digests.sha256
        return f"different contents (sha256 {held[:12]}… ≠ {self.sha256[:12]}…)"

    def __str__(self) -> str:
        # Clients look for these three words first: twine and uv print no more than the first line.
        return f"File already exists: `{self.filename}` is {self._state()} with {self._contents()}"


class NameReserved(PypitoolError):
    """A file of this name with other bytes was deleted, and such names are kept."""

    kind = Kind.CONFLICT
    # As the public index says it. Not 409, over which `--skip-existing` passes: nothing of the kind is here.
    status = 400
    sentence = "`{filename}` was used for other bytes and deleted: `reserve-deleted` keeps its name for those"
    hint = "bump the version"
    filename: str


class CatalogueError(PypitoolError):
    """Something is wrong with the catalogue as a whole."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    sentence = "the catalogue {path} cannot be used: {detail}"
    path: Path
    detail: str


class CatalogueDamaged(CatalogueError):
    """The file is not a sound catalogue: it has to be set aside and rebuilt."""

    sentence = "the catalogue {path} is damaged: {detail}"
    hint = (
        "a running server rebuilds it from the package directories and `facts.jsonl`, "
        "and so does `pypitool rescan` where none runs"
    )


class CatalogueRebuilt(CatalogueError):
    """The catalogue was damaged, and the command that met it has rebuilt it."""

    sentence = "the catalogue {path} was damaged ({detail}): it is rebuilt, and no decision is lost"
    hint = "run the command again"


class CatalogueMissing(CatalogueError):
    """There is no catalogue where one was expected."""

    sentence = "there is no catalogue at {path}"


class CatalogueBusy(CatalogueError):
    """Other writers did not let go in time."""

    sentence = "the catalogue {path} is busy: {detail}"
    hint = "another process has been writing for long: try again"


class CatalogueReadOnly(CatalogueError):
    """The file or its directory cannot be written."""

    sentence = "the catalogue {path} cannot be written: {detail}"
    hint = "check the owner and the permissions of the state directory, and whether the disk is writable"


class Unstorable(PypitoolError):
    """A value that no database can hold: the fault of what it came from, not of the catalogue."""

    kind = Kind.INVALID
    sentence = "the catalogue cannot hold it: {detail}"
    detail: str


class CatalogueOld(PypitoolError):
    """An older pypitool made this catalogue; whoever may write it migrates it."""

    kind = Kind.CONFIG
    ends_the_turn = True
    sentence = "the catalogue {path} was made by an older pypitool and is not migrated yet"
    hint = "start the server, or run a command that changes something: that migrates it"
    path: Path
    behind: int  # versions of the schema


class CatalogueTooNew(PypitoolError):
    """A newer pypitool made this catalogue."""

    kind = Kind.CONFIG
    ends_the_turn = True
    sentence = (
        "the catalogue {path} has schema {version}, made by a newer pypitool; "
        "this one knows schemas up to {known}"
    )
    hint = (
        "upgrade pypitool; or stop the server, move {path} and its -wal and -shm away, and start this one: "
        "it is made anew, and every decision is kept"
    )
    path: Path
    version: int
    known: int


def translate(error: Exception, path: Path) -> PypitoolError:
    """Name the failure that SQLite reports, or that reading its rows met."""
    text = str(error)
    if type(error).__name__ in _UNSTORABLE:
        return Unstorable(text)
    if isinstance(error, NONSENSE):
        return CatalogueDamaged(path, f"it holds what nobody can have written ({text})")
    if any(words in text for words in _FULL) or ("I/O error" in text and _is_full(path.parent)):
        return NoSpace(f"the catalogue {path}")
    if any(words in text for words in _BUSY):
        return CatalogueBusy(path, text)
    if "unable to open" in text and _has_no_descriptors():
        return TooManyOpenFiles()
    if any(words in text for words in _READ_ONLY):
        return CatalogueReadOnly(path, text)
    if "Could not decode to UTF-8" in text:
        return CatalogueDamaged(path, "it holds text that is not UTF-8")  # SQLite's message repeats all of it
    if any(words in text for words in _DAMAGED):
        return CatalogueDamaged(path, text)
    return CatalogueError(path, text)


def _has_no_descriptors() -> bool:
    # SQLite says only that it cannot open; whether anything can be opened is tried with what always can.
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return True
    return False


def _is_full(directory: Path) -> bool:
    # SQLite calls some failures for want of space an I/O error, and keeps the number of the error to itself.
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _FULL_BELOW
