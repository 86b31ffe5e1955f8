"""Moving whole catalogues: SQLite keeps a journal under the database's name, and the two must never part
or meet another one. Everything here is done under `locking.exclusive`."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from pypitool.catalogue.errors import CatalogueError
from pypitool.facts import sync_directory
from pypitool.host import hand_over


def put_in_place(new: Path, path: Path) -> None:
    """Let a complete catalogue take the place of another."""
    # Away with the old one first: a crash may leave no catalogue, which is rebuilt, but neither a file
    # without its journal nor one beside the journal of another.
    old = path.with_name(f".{path.name}.old")
    with suppress(FileNotFoundError):
        path.rename(old)
    remove(*journals(path))
    hand_over(new)
    new.rename(path)
    remove(old)
    sync_directory(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a catalogue and its journal, and return where they are."""
    aside = unused(path, "damaged")
    path.rename(aside)
    wal, shm = journals(path)
    with suppress(FileNotFoundError):
        wal.rename(journals(aside)[0])
    remove(shm)
    return aside


def unused(path: Path, why: str) -> Path:
    """Return a name for a copy of a file that is kept because of `why`."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        candidate = path.with_name(f"{path.name}.{why}-{moment}{suffix}")
        if not candidate.exists():
            return candidate
    raise CatalogueError(path, "it was set aside a thousand times in this second")


def journals(path: Path) -> tuple[Path, Path]:
    """Return the journal of a database, and the memory that its users share."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def remove(*paths: Path) -> None:
    """Delete files that may not be there."""
    for path in paths:
        path.unlink(missing_ok=True)
