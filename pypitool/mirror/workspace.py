"""Where a run works, and how to look at it without writing anything there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pypitool.catalogue.database import copy_unnoticed
from pypitool.core.progress import TransferProgress
from pypitool.core.state_files import StateFiles
from pypitool.host import scratch_directory
from pypitool.repository.contact import is_kept
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.repository.state import choose_state, find_state


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directories of a run, and their state where it is not the usual one."""

    roots: tuple[Path, ...]
    state: Path | None = None
    reserve_deleted: bool = False

    def state_directory(self) -> Path:
        """Return where the state is, or would be; of one that is to be adopted, where it still is."""
        return find_state(self.roots, self.state) or choose_state(self.roots, self.state)


@contextmanager
def open_read_only(workspace: Workspace, progress: TransferProgress | None = None) -> Iterator[Repository]:
    """Open directories as they are now, with a copy of their state that is thrown away."""
    state = StateFiles(workspace.state_directory())
    if _has_keeper(state):
        # The keeper sees to it that the catalogue is fresh; what it holds may be too much to copy.
        with Repository.open(workspace.roots, workspace.state, reader_only=True) as repository:
            yield repository
        return
    with scratch_directory() as folder:
        scratch = StateFiles(folder / "state")
        scratch.directory.mkdir()
        _copy(state, scratch)
        roots = tuple(root if root.is_dir() else _empty(folder, root) for root in workspace.roots)
        reserve = workspace.reserve_deleted
        with Repository.open_scratch(roots, scratch.directory, reserve_deleted=reserve) as repository:
            with (progress or TransferProgress()).during("reading packages") as phase:
                scan_if_alone(repository, phase.at)
            yield repository


def _has_keeper(state: StateFiles) -> bool:
    try:
        return state.catalogue.exists() and is_kept(state)
    except OSError:  # it is somebody else's
        return False


def _copy(state: StateFiles, scratch: StateFiles) -> None:
    # Whatever cannot be copied is found again by reading the files.
    with suppress(OSError):
        shutil.copyfile(state.facts, scratch.facts)
    with closing(sqlite3.connect(scratch.catalogue)) as copy:
        copied = copy_unnoticed(state.catalogue, copy)
    if not copied:
        scratch.catalogue.unlink(missing_ok=True)


def _empty(folder: Path, root: Path) -> Path:
    stand_in = folder / "absent" / root.name
    stand_in.mkdir(parents=True)
    return stand_in
