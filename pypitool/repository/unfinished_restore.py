"""A restore that was killed: whoever opens the state next finishes it, and removes the copies that are left.

A restore prepares all of its files in a folder of the state, writes down that it is about to put them in
place, and moves them one after another. Before the note nothing has changed, and the folder is only removed.
After it each file that still lies in the folder is to be moved: whoever finds the note goes on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pypitool.catalogue.database import locked_alone, put_in_place, unused
from pypitool.catalogue.facts import FactLog
from pypitool.core.state_files import StateFiles
from pypitool.host import hand_over, lock_now, sync_directory

_PREFIX = ".backup-"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder on the same file system as what will come of its files, and remove it.

    Those that others left beside it are removed too: each is locked as long as its maker lives.
    """
    import shutil
    import tempfile

    sweep(parent)
    with ExitStack() as held:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Somebody who sweeps may have taken it for a dead one's before it was locked.
        while not _is_locked(folder, held, where_no_locks=True):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders whose makers are gone, but for that of a restore that is to be finished."""
    left = [parent / name for name in _names_in(parent) if name.startswith(_PREFIX)]
    if not left:
        return
    import shutil

    noted = _noted(StateFiles(parent))
    for folder in left:
        with ExitStack() as held, suppress(OSError):
            if folder != noted and _is_locked(folder, held, where_no_locks=False):
                shutil.rmtree(folder, ignore_errors=True)


def put_all_in_place(folder: Path, files: StateFiles) -> None:
    """Move all files of a prepared folder into the state; who is killed on the way is followed by another.

    Nobody else appends, opens or writes: the caller sees to that.
    """
    new = StateFiles(folder)
    with new.restoring.open("wb") as note:
        note.write(json.dumps({"folder": folder.name}).encode() + b"\n")
        note.flush()
        os.fsync(note.fileno())
    new.facts.chmod(0o640)
    # Who finishes it may be the service's user. The folder last: from then on it is his.
    for file in (new.facts, new.catalogue, new.activity, new.restoring, folder):
        if file.exists():
            hand_over(file)
    new.restoring.replace(files.restoring)
    sync_directory(files.directory)
    _go_on(new, files)


def finish_restore(files: StateFiles) -> bool:
    """Finish a restore that was killed, and remove what is left of others; tell whether there was one."""
    finished = False
    if files.restoring.exists():
        # The log before the catalogue, as everywhere. Whoever restores in this moment holds both.
        with FactLog(files.facts).locked(), locked_alone(files.catalogue):
            folder = _noted(files)
            if folder is not None:
                _go_on(StateFiles(folder), files)
                finished = True
    sweep(files.directory)
    return finished


def _go_on(new: StateFiles, files: StateFiles) -> None:
    if new.facts.exists():
        _keep_log(files.facts)
        new.facts.replace(files.facts)
    if new.catalogue.exists():
        put_in_place(new.catalogue, files.catalogue)
    if new.activity.exists():
        with locked_alone(files.activity):
            put_in_place(new.activity, files.activity)
    sync_directory(files.directory)
    files.restoring.unlink()
    sync_directory(files.directory)


def _keep_log(facts: Path) -> None:
    """Keep the log that is about to be replaced, unless that was done already."""
    kept = facts.parent.glob(f"{facts.name}.replaced-*")
    if facts.exists() and facts.stat().st_size and not any(file.samefile(facts) for file in kept):
        # A link and not a renaming: there is a log at every moment, or another process would begin one.
        os.link(facts, unused(facts, "replaced"), follow_symlinks=False)


def _noted(files: StateFiles) -> Path | None:
    """Return the folder of a restore that is to be finished; None: somebody has done it."""
    try:
        name = str(json.loads(files.restoring.read_bytes())["folder"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        name = ""
    # Never a place elsewhere, whatever the note says; where there is no such folder, nothing is left to do.
    return files.directory / (name if name.startswith(_PREFIX) and "/" not in name else _PREFIX)


def _names_in(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _is_locked(folder: Path, held: ExitStack, *, where_no_locks: bool) -> bool:
    """Lock a folder until the end of `held`; False: somebody has it, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    held.callback(os.close, descriptor)
    locked = lock_now(descriptor)
    return (where_no_locks if locked is None else locked) and os.fstat(descriptor).st_nlink > 0
