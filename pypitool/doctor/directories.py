"""The package directories and the state directory: there, writable, and with room."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.places import (
    Directory,
    Disk,
    catalogue_foreign,
    of_directory,
    of_disk,
    state_unwritable,
)
from pypitool.doctor.patient import Patient
from pypitool.repository.state import ForeignState, StateFiles, StateUnusable, check_owner, refuse_network


def look(patient: Patient) -> Iterator[Finding]:
    """Look at each package directory, at the state, and at their disks."""
    state = patient.state
    for number, root in enumerate(patient.roots):
        found = _directory(root, _server_user(state))
        yield from of_directory(found, is_written=patient.is_written and number == 0)
    yield from _state(state, patient.roots)
    disks: dict[int, Path] = {}
    for place in (*patient.roots, state):
        if place.is_dir():
            disks.setdefault(place.stat().st_dev, place)
    for place in disks.values():
        status = os.statvfs(place)
        yield from of_disk(
            Disk(str(place), status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
        )


def _directory(root: Path, user: int) -> Directory:
    if not root.is_dir():
        return Directory(str(root), exists=False)
    return Directory(
        str(root),
        exists=True,
        is_writable=_may_write(root, user),
        is_exposed=bool(root.stat().st_mode & stat.S_IWOTH),
    )


def _state(state: Path, roots: tuple[Path, ...]) -> Iterator[Finding]:
    if not state.is_dir():
        around = next((one for one in state.parents if one.exists()), state)
        if around.is_dir() and not os.access(around, os.W_OK | os.X_OK) and all(map(Path.is_dir, roots)):
            yield state_unwritable(str(state), f"it is not there, and {around} cannot be written")
        return
    if not _may_write(state, _server_user(state)):
        yield state_unwritable(str(state), "it cannot be written")
    try:
        refuse_network(state)
        check_owner(StateFiles(state), roots)
    except ForeignState as error:
        yield catalogue_foreign(str(state), str(error), error.hint)
    except StateUnusable as error:
        yield state_unwritable(str(state), error.reason)


def _server_user(state: Path) -> int:
    """Return the number of the user that serves: root looks in the name of who owns the state."""
    own = os.geteuid()
    return state.stat().st_uid if own == 0 and state.is_dir() else own


def _may_write(place: Path, user: int) -> bool:
    if not os.access(place, os.W_OK | os.X_OK):  # nobody may where the file system is read-only
        return False
    if user == os.geteuid():
        return True
    status = place.stat()
    if status.st_uid == user:
        return bool(status.st_mode & stat.S_IWUSR)
    # Its groups are not known here: a directory that its group may write gets the benefit of the doubt.
    return bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
