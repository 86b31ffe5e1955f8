"""Files that root makes in somebody else's state directory belong to that somebody."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def hand_over(path: Path) -> None:
    """Give a new file to the owner of its directory, if we may.

    An administrator's `sudo pypitool yank` must not leave a file that the server cannot write.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    with suppress(PermissionError):  # root in a container may lack the right
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make a directory with what it lies in; each new one belongs to the owner of the one around it."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode, exist_ok=True)
    hand_over(path)
