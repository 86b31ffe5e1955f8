"""A state takes over another one of the same directories: copied, checked, and the other log set aside.

The copy lies in `adopting` until all of it is there and was replayed. Its log is given its name then, which
is the one moment at which the new state counts; what is left after that is finished by the next opening. A
copy without that moment behind it is thrown away: the other state is as it was.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pypitool.catalogue.database import copy_pages, locked_alone, locked_shared, put_in_place, unused
from pypitool.catalogue.errors import CatalogueDamaged, CatalogueMissing
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import begin_new_history, last_serial, make_current
from pypitool.catalogue.replay import apply_all, replay_missed
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.state_files import StateFiles
from pypitool.core.text import counted
from pypitool.host import sync_directory
from pypitool.repository.contact import alone_with
from pypitool.repository.state_errors import CannotAdopt
from pypitool.repository.state_owner import leave_note

_PIECE = 1024 * 1024
_LARGEST_ORIGIN = 64 * 1024
_log = logging.getLogger(__name__)


def adopt(files: StateFiles, other: StateFiles) -> None:
    """Take over all that another state knows, all or nothing, into a state without any decision."""
    with FactLog(files.facts).locked(), held_off(other) as size:
        if not other.facts.exists():
            return  # another process was first
        _discard(files)
        try:
            count = _copy(files, other, size)
            _place_facts(files)
        except BaseException:
            _discard(files)
            raise
        _finish(files, other)
    _log.warning(
        "the state in %s has taken over %s from %s, whose log is now %s",
        files.directory, counted(count, "decision"), other.directory, other.moved_facts.name,
    )  # fmt: skip


def finish_adopting(files: StateFiles) -> bool:
    """Finish what a crash has cut off, or throw it away where nothing of it counts; tell whether it did."""
    if not files.adopting.is_dir():
        return False
    with FactLog(files.facts).locked():
        if not files.adopting.is_dir():
            return True
        origin = _origin(files)
        if StateFiles(files.adopting).facts.exists() or origin is None:
            _discard(files)
            return True
        other, size = origin
        try:
            with held_off(other) as size_now:
                # What was decided there since is not ours: both logs stay, and `doctor` says what is missing.
                _finish(files, other, sets_aside=size_now == size)
        except CannotAdopt:
            _finish(files, other, sets_aside=False)
    return True


@contextmanager
def held_off(other: StateFiles) -> Iterator[int]:
    """Keep keepers and appends away from a state while it is copied, and give the size of its log."""
    if not other.facts.exists():
        yield 0
        return
    with alone_with(other) as is_alone:
        if not is_alone:
            raise CannotAdopt(other.directory, "a server or a keeper is at work with it", "stop it first")
        with FactLog(other.facts).locked() as size:
            yield size


def _copy(files: StateFiles, other: StateFiles, size: int) -> int:
    """Copy everything that is worth it, check it by a replay, and return how many decisions there are."""
    copy = StateFiles(files.adopting)
    copy.directory.mkdir(mode=0o700)
    _copy_file(other.facts, copy.facts, size)
    for source, target in ((other.mirror, copy.mirror), (other.activity, copy.activity)):
        with suppress(sqlite3.Error, FileNotFoundError):  # what it holds may be lost
            _copy_database(source, target)
    with suppress(sqlite3.Error, FileNotFoundError, CatalogueDamaged):
        _copy_database(other.catalogue, copy.catalogue)
    if other.downloads.is_dir():
        copy.downloads.mkdir(mode=0o750)
        for log in other.downloads.iterdir():
            _copy_file(log, copy.downloads / log.name)
    count = _replayed(copy)
    if copy.catalogue.exists():
        begin_new_history(copy.catalogue, after=last_serial(files.catalogue))
    for database in (copy.catalogue, copy.mirror, copy.activity):
        if database.exists():
            database.chmod(0o640)
    _write_origin(files, other, size)
    for place in (copy.downloads, copy.directory):
        if place.is_dir():
            sync_directory(place)
    return count


def _copy_file(source: Path, target: Path, size: int | None = None) -> None:
    # Not by way of a link: its owner may be somebody who may read less than we.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as reader:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise CannotAdopt(source.parent, f"{source.name} is no file")
        remaining = found.st_size if size is None else size
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        with open(made, "wb") as writer:
            while remaining and (piece := reader.read(min(remaining, _PIECE))):
                writer.write(piece)
                remaining -= len(piece)
            writer.flush()
            os.fsync(made)
    if remaining:
        raise CannotAdopt(source.parent, f"{source.name} is shorter than it was")


def _copy_database(source: Path, target: Path) -> None:
    if source.is_symlink() or not source.exists():
        raise FileNotFoundError(source)
    try:
        with locked_shared(source), closing(sqlite3.connect(target)) as copy:
            copy_pages(source, copy)
    except sqlite3.Error:
        target.unlink(missing_ok=True)
        raise


def _replayed(copy: StateFiles) -> int:
    """Replay a copied log, into the copied catalogue too; raise what keeps it from being a state's."""
    facts = FactLog(copy.facts)
    apply_all(facts.replay(), lambda _: None)
    if copy.catalogue.exists():
        try:
            make_current(copy.catalogue, facts)
            with closing(SqliteCatalogue(copy.catalogue)) as catalogue:
                replay_missed(catalogue, facts)
        except (CatalogueDamaged, CatalogueMissing):
            copy.catalogue.unlink(missing_ok=True)  # made anew from the facts
    return sum(1 for _ in facts.replay(skipped=lambda _: None))


def _place_facts(files: StateFiles) -> None:
    new = StateFiles(files.adopting).facts
    if files.facts.exists() and files.facts.stat().st_size:
        # A link and not a renaming: there is a log at every moment, or another process would begin one.
        os.link(files.facts, unused(files.facts, "replaced"))
    _belong(files, new)
    sync_directory(files.directory)
    new.replace(files.facts)
    sync_directory(files.directory)


def _finish(files: StateFiles, other: StateFiles, *, sets_aside: bool = True) -> None:
    """Do what is left once the facts have their name; each step may be done again."""
    copy = StateFiles(files.adopting)
    _belong(files, copy.directory)
    for new, place in (
        (copy.catalogue, files.catalogue),
        (copy.mirror, files.mirror),
        (copy.activity, files.activity),
    ):
        if new.exists():
            with locked_alone(place):
                put_in_place(new, place)
    if copy.downloads.is_dir() and not files.downloads.exists():
        _belong(files, copy.downloads, *copy.downloads.iterdir())
        copy.downloads.rename(files.downloads)
    if files.pointer.exists():
        files.pointer.unlink()  # it led to the other one: from now on its directory's state is here
    if sets_aside:
        set_aside(other, files)
    _discard(files)


def set_aside(other: StateFiles, files: StateFiles) -> None:
    """Rename the log of a state that another one has taken over, and leave a note where that is."""
    if other.facts.exists():
        is_free = not other.moved_facts.exists()
        other.facts.rename(other.moved_facts if is_free else unused(other.facts, "moved"))
        sync_directory(other.directory)
    with suppress(OSError):
        leave_note(other.pointer, files.directory)


def _belong(files: StateFiles, *paths: Path) -> None:
    """Let what was copied belong to the owner of the state. Root keeps it to itself until it is complete."""
    if os.geteuid() == 0:
        owner = files.directory.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _write_origin(files: StateFiles, other: StateFiles, size: int) -> None:
    with files.adopting_from.open("x") as file:
        json.dump({"state": str(other.directory), "size": size}, file)
        file.flush()
        os.fsync(file.fileno())


def _origin(files: StateFiles) -> tuple[StateFiles, int] | None:
    try:
        with files.adopting_from.open() as file:
            document = json.loads(file.read(_LARGEST_ORIGIN))
        return StateFiles(Path(document["state"])), int(document["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _discard(files: StateFiles) -> None:
    # First what would let the rest be taken for one that counts.
    files.adopting_from.unlink(missing_ok=True)
    shutil.rmtree(files.adopting, ignore_errors=True)
