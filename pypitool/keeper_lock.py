"""One keeper for each state: whoever scans holds this lock, and the kernel releases it however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypitool.host import hand_over
from pypitool.store.temporary import lock_now

_NAME = "keeper.lock"


@contextmanager
def keeper_lock(state: Path) -> Iterator[bool]:
    """Try to become the keeper of a state, and tell whether we are."""
    # Opened by whoever locks it: a descriptor that was inherited would share its parent's lock.
    path = state / _NAME
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if is_new:
            hand_over(path)
        # Where there are no locks, two keepers do the same work twice, and no harm.
        yield lock_now(descriptor) is not False
    finally:
        os.close(descriptor)


def is_kept(state: Path) -> bool:
    """Tell whether a keeper is at work."""
    if not (state / _NAME).exists():
        return False
    with keeper_lock(state) as mine:
        return not mine
