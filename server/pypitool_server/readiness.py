"""Whether this server can do what it is there for: what a load balancer, or somebody at 3 a.m., asks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from pypitool.config.settings import Settings
from pypitool.core.errors import PypitoolError
from pypitool.repository.contact import read_heartbeat
from pypitool.repository.repository import Repository

# Less than this is a full disk in a moment: an upload would fail, and so would SQLite.
LEAST_FREE_BYTES = 64 * 1024**2
# The keeper gives one each second, also while it scans; one that ended is started again before this.
OLDEST_HEARTBEAT_SECONDS = 20.0


def faults(settings: Settings, repository: Repository) -> Iterator[tuple[str, str]]:
    """Iterate over what is wrong: the name of a check, and what it found."""
    try:
        repository.catalogue.counts()
    except PypitoolError as error:
        yield "catalogue", f"cannot be read: {error}"
    heartbeat = read_heartbeat(repository.state)
    if heartbeat is None:
        yield "keeper", "has not begun"
    elif (age := heartbeat.age(time.time())) > OLDEST_HEARTBEAT_SECONDS:
        yield "keeper", f"was silent for {age:.0f} s"
    for directory in (repository.roots[0], repository.state):
        if (free := free_bytes(directory)) < LEAST_FREE_BYTES:
            yield "disk", f"{free // 1024**2} MiB are free at {directory}"
    passwords = settings.auth.passwords
    if passwords is not None and not os.access(passwords, os.R_OK):
        yield "passwords", f"{passwords} cannot be read"


def free_bytes(directory: Path) -> int:
    """Return how much a process without privileges may still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize
