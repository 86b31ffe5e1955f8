"""Where a run works, and how to look at it without writing anything there.

Copying a database that others use, without a trace beside it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from pypitool.core.state_files import StateFiles
from pypitool.repository.contact import is_kept
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.repository.state import check_owner, choose_state


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directories of a run, and their state where it is not the usual one."""

    roots: tuple[Path, ...]
    state: Path | None = None

    def state_directory(self) -> Path:
        """Return where the state is, or would be."""
        return choose_state(self.roots, self.state)


@contextmanager
def open_read_only(workspace: Workspace) -> Iterator[Repository]:
    """Open directories as they are now, with a copy of their state that is thrown away."""
    state = StateFiles(workspace.state_directory())
    check_owner(state, workspace.roots)
    if _has_keeper(state):
        # The keeper sees to it that the catalogue is fresh; what it holds may be too much to copy.
        with Repository.open(workspace.roots, workspace.state, reader_only=True) as repository:
            yield repository
        return
    with TemporaryDirectory(prefix="pypitool-") as folder:
        scratch = StateFiles(Path(folder) / "state")
        scratch.directory.mkdir()
        _copy(state, scratch)
        roots = tuple(root if root.is_dir() else _empty(Path(folder), root) for root in workspace.roots)
        with Repository.open_scratch(roots, scratch.directory) as repository:
            scan_if_alone(repository)
            yield repository


def _has_keeper(state: StateFiles) -> bool:
    try:
        return state.catalogue.exists() and is_kept(state.directory)
    except OSError:  # it is somebody else's
        return False


def _copy(state: StateFiles, scratch: StateFiles) -> None:
    # Whatever cannot be copied is found again by reading the files.
    with suppress(OSError):
        shutil.copyfile(state.facts, scratch.facts)
    with closing(sqlite3.connect(scratch.catalogue)) as copy:
        copied = copy_database(state.catalogue, copy)
    if not copied:
        scratch.catalogue.unlink(missing_ok=True)


def _empty(folder: Path, root: Path) -> Path:
    stand_in = folder / "absent" / root.name
    stand_in.mkdir(parents=True)
    return stand_in


def copy_database(source: Path, into: sqlite3.Connection) -> bool:
    """Copy a database as it is now, and tell whether that went well; False: `into` is not to be used."""
    if not source.exists():
        return False
    try:
        # Even who only reads makes the files of a journal and leaves them; unless there is none to be read.
        if not _has_journal(source) and _copied_at_rest(source, into):
            return True
        _copy_pages(source, "mode=ro", into)
    except sqlite3.Error:
        return False
    return True


def _has_journal(source: Path) -> bool:
    journal = source.with_name(f"{source.name}-wal")
    return journal.exists() and journal.stat().st_size > 0


def _copied_at_rest(source: Path, into: sqlite3.Connection) -> bool:
    # Nothing is locked so: what a writer did meanwhile shows in the times of the file.
    before = source.stat()
    _copy_pages(source, "mode=ro&immutable=1", into)
    after = source.stat()
    return (before.st_ino, before.st_mtime_ns, before.st_size) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_size,
    )


def _copy_pages(source: Path, how: str, into: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(f"file:{quote(str(source))}?{how}", uri=True)) as real:
        real.backup(into)
