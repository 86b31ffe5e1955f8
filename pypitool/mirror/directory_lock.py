"""One writer of a mirrored directory at a time; the kernel releases the lock however the run ends."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import ClassVar

from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import hand_over, make_directory

LOCK_FILE = Path(".pypitool") / "mirror.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as it wrote itself down."""

    pid: int
    command: str
    started: str


class DirectoryLocked(PypitoolError):
    """Another run writes into the directory."""

    kind: ClassVar[Kind] = Kind.CONFLICT
    hint = "wait until it has ended, or stop it; nothing was changed"

    def __init__(self, directory: Path, holder: Holder | None) -> None:
        super().__init__(directory, holder)
        self.directory = directory
        self.holder = holder

    def __str__(self) -> str:
        if self.holder is None:
            return f"{self.directory} is locked by another run"
        who = f"`{self.holder.command}` (process {self.holder.pid}, since {self.holder.started})"
        return f"{self.directory} is locked by {who}"


@contextmanager
def lock_directory(directory: Path, command: str) -> Iterator[None]:
    """Hold the directory for the whole run, or raise `DirectoryLocked` that names who does."""
    path = directory / LOCK_FILE
    make_directory(path.parent, 0o750)  # as the state, which may be made in it
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if is_new:
            hand_over(path)
        _lock(descriptor, directory)
        _write_holder(descriptor, command)
        yield
    finally:
        # The file stays: removing it would let a waiting run lock a file that is no longer there.
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DirectoryLocked(directory, _read_holder(descriptor)) from error


def _write_holder(descriptor: int, command: str) -> None:
    started = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = json.dumps(asdict(Holder(os.getpid(), command, started))).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read_holder(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        # It has locked and not yet written.
        return None
