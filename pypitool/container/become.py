"""Becoming who the container shall be: looked up, given what it needs, and then no way back."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from pypitool.core.container import PACKAGES, STATE, CannotBecome, CannotGive, User, is_given, whom
from pypitool.host import is_mount_point, show_myself

FIRST = Path("/proc/1")


def become(*, serves: bool) -> None:
    """Become the user that the container is, for good; `serves`: with the directories that it needs."""
    started = User(os.geteuid(), os.getegid())
    user = whom(started, _serving(), _owner(PACKAGES) or _owner(PACKAGES.parent))
    if user == started:
        _make_packages(user)
        return
    if serves:
        _give_directories(user)
    try:
        # Groups that the container was given (`--group-add`) stay, root's go.
        os.setgroups([group for group in os.getgroups() if group != 0])
        os.setgid(user.gid)
        os.setuid(user.uid)
        show_myself()
    except PermissionError as error:
        raise CannotBecome(PACKAGES, user, _reason(error)) from error
    _make_packages(user)


def state_is_mounted() -> bool:
    """Tell whether the container was given a place for the state."""
    return is_mount_point(STATE, Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))


def _give_directories(user: User) -> None:
    if not PACKAGES.exists() and is_given(_owner(PACKAGES.parent)):
        with suppress(OSError):  # where it cannot be made the server says that it is not there
            PACKAGES.mkdir()
    directories = (PACKAGES, STATE) if state_is_mounted() else (PACKAGES,)
    for directory in directories:
        if is_given(_owner(directory)):
            _give(directory, user)


def _give(directory: Path, user: User) -> None:
    """Give a directory, and nothing that is in it."""
    try:
        os.chown(directory, user.uid, user.gid, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EROFS:  # what is read-only is served as it is
            raise CannotGive(directory, user, _reason(error)) from error


def _make_packages(user: User) -> None:
    """Make the package directory in a /data that is this user's, as pypiserver's image does."""
    owner = None if PACKAGES.exists() else _owner(PACKAGES.parent)
    if owner is not None and owner.uid == user.uid:
        with suppress(OSError):
            PACKAGES.mkdir()


def _serving() -> User | None:
    """Return who process 1 is, None if that is ourselves."""
    if os.getpid() == 1:
        return None
    return _owner(FIRST)


def _owner(path: Path) -> User | None:
    try:
        found = path.stat()
    except OSError:  # it is not there; or root, without its rights, may not look into another's directory
        return None
    return User(found.st_uid, found.st_gid)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
