"""The directories, their disks and the catalogue: there, writable, with room, and whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypitool.catalogue.errors import CatalogueDamaged, CatalogueMissing, CatalogueTooNew
from pypitool.core.state_files import StateFiles
from pypitool.core.text import short_size
from pypitool.doctor.context import CatalogueCopy, Context, read_copy
from pypitool.doctor.finding import Finding, error, info, warning
from pypitool.repository.merge_states import only_there
from pypitool.repository.state import Survey, refuse_network
from pypitool.repository.state_errors import ForeignState, OtherState, StateLost, StateTwice, StateUnusable

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Directory:
    """A package directory as it was found."""

    path: str
    exists: bool
    is_writable: bool = True  # by the user of the server
    is_exposed: bool = False  # everybody on the machine may write
    is_read_only: bool = False  # its file system


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that a directory is on."""

    path: str
    free: int
    size: int


def look_at_directories(context: Context) -> Iterator[Finding]:
    """Look at each package directory, at the state, and at their disks."""
    state = context.state
    for number, root in enumerate(context.roots):
        found = _directory(root, _server_user(state))
        is_first = number == 0
        yield from directory_findings(
            found, is_written=context.is_written and is_first, is_made=context.makes_packages and is_first
        )
    yield from _state(state, context.roots)
    yield from _choice(context.survey)
    disks: dict[int, Path] = {}
    for place in (*context.roots, state):
        if place.is_dir():
            disks.setdefault(place.stat().st_dev, place)
    for place in disks.values():
        status = os.statvfs(place)
        yield from disk_findings(
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
        is_read_only=bool(os.statvfs(root).f_flag & os.ST_RDONLY),
    )


def _state(state: Path, roots: tuple[Path, ...]) -> Iterator[Finding]:
    if not state.is_dir():
        around = next((one for one in state.parents if one.exists()), state)
        if around.is_dir() and not os.access(around, os.W_OK | os.X_OK) and all(map(Path.is_dir, roots)):
            yield _unwritable(str(state), f"it is not there, and {around} cannot be written")
        return
    if not _may_write(state, _server_user(state)):
        yield _unwritable(str(state), "it cannot be written")
    try:
        refuse_network(state)
    except StateUnusable as fault:
        yield _unwritable(str(state), fault.reason)


def _choice(survey: Survey) -> Iterator[Finding]:
    """Look whether the server would begin with this state, and whether that is all that was decided."""
    subject, does_not_start = str(survey.asked.directory), "the server does not start"
    try:
        survey.refuse()
        yield from _second(survey)
    except (ForeignState, StateTwice) as fault:
        why = f"{does_not_start}: it would list files that are not there"
        yield error("catalogue-foreign", subject, str(fault), why, fault.hint or "")
    except OtherState as fault:
        why = f"{does_not_start}: it would have forgotten every decision"
        yield error("state-second", subject, str(fault), why, fault.hint or "")
    except StateUnusable as fault:
        yield _unwritable(subject, fault.reason)
    except StateLost as fault:
        why = f"{does_not_start}: it would have forgotten every decision"
        yield error("state-missing", subject, str(fault), why, fault.hint or "")


def _second(survey: Survey) -> Iterator[Finding]:
    if survey.adopts:
        what = f"{survey.asked.directory} knows nothing, and the next start takes over what was decided here"
        yield info("state-second", str(survey.second), what, "the server asks for another state than before")
        return
    missing = only_there(survey)
    if missing:
        yield error(
            "state-second", str(survey.second), f"it has what is not in {survey.asked.directory}: {missing}",
            "none of that counts any more, whether a yank, an owner or a token",
            f"`pypitool state adopt {survey.second}` appends it; `-n` shows it first",
        )  # fmt: skip


def _unwritable(path: str, reason: str) -> Finding:
    do = "give it a local directory of the server's user with `--state DIR` or `[server] state`"
    return error("state-unwritable", path, reason, "nothing can be recorded: uploads and decisions fail", do)


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


def directory_findings(found: Directory, *, is_written: bool, is_made: bool = False) -> Iterator[Finding]:
    """Judge a package directory; `is_made`: `serve` makes it where nobody has named another one."""
    if not found.exists and is_made:
        why = "nothing is served until `pypitool serve` makes it, or you do"
        yield info("packages-missing", found.path, "the package directory does not exist yet", why)
        return
    if not found.exists:
        yield error(
            "packages-missing", found.path, "the package directory does not exist",
            "the server does not start without it",
            "name the one that is served with `--packages DIR`, or in the configuration",
        )  # fmt: skip
        return
    if is_written and not found.is_writable:
        what, do = "the user of the server cannot write it", "give it to that user with `chown -R`"
        if found.is_read_only:
            what, do = "its file system is read-only", "mount it to be written"
        do += ", or serve with `--read-only`"
        yield error("packages-unwritable", found.path, what, "nothing new can come in", do)
    if found.is_exposed:
        yield warning(
            "packages-exposed", found.path, "everybody on this machine may write it",
            "anybody can slip in a package that all your installers trust", f"`chmod o-w {found.path}`",
        )  # fmt: skip


def disk_findings(disk: Disk) -> Iterator[Finding]:
    """Judge how full a disk is: below 1 % soon nothing works, below 5 % or 1 GiB it is time."""
    share = disk.free / disk.size if disk.size else 1.0
    what = f"{short_size(disk.free)} are free, {share:.1%} of the disk"
    do = "make room: `pypitool prune`, or a larger disk"
    if share < 0.01:
        why = "uploads, the mirror and the catalogue fail when it is full"
        yield error("disk-low", disk.path, what, why, do)
    elif share < 0.05 or disk.free < GIB:
        yield warning("disk-low", disk.path, what, "it fills up", do)


def look_at_catalogue(context: Context) -> Iterator[Finding]:
    """Read the whole catalogue, from a copy; other checks look into what was read."""
    path = StateFiles(context.state).catalogue
    if not path.exists():
        return  # nothing was served yet, or a keeper is about to make it
    try:
        copied = read_copy(path)
    except CatalogueTooNew as fault:
        yield error("catalogue-corrupt", str(path), str(fault), "the server does not start", str(fault.hint))
        return
    except (CatalogueDamaged, CatalogueMissing) as fault:
        yield error(
            "catalogue-corrupt", str(path), str(fault), "what it says of packages cannot be trusted",
            "start the server, or run `pypitool rescan`: it is set aside and built anew, decisions are kept",
        )  # fmt: skip
        return
    context.copied.append(copied)
    if copied.contradictions:
        yield from _contradictions(copied, read_copy(path))
    for problem in copied.problems:
        yield warning(
            "files-unlisted", problem.location.path, problem.reason, "nobody can install it",
            "replace the file, or move it out of the directory",
        )  # fmt: skip
    for file in copied.misnamed:
        yield warning(
            "sdist-misnamed", file.location.path, str(file.contents.misnamed),
            f"pip refuses it, and while it is here `{file.project}` is looked for nowhere else",
            "take it out, or give it the name that it was built with",
        )  # fmt: skip


def _contradictions(first: CatalogueCopy, second: CatalogueCopy) -> Iterator[Finding]:
    """Tell what contradicts the log at both looks: between a copy and a look at the log, people decide."""
    for one in first.contradictions:
        if one in second.contradictions:
            yield error(
                "catalogue-differs", one.subject, one.reason,
                "what people decided does not hold, or somebody else is shown to have done it",
                "run `pypitool rescan`: the log is followed",
            )  # fmt: skip
