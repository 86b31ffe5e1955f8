"""How the keeper and everybody else reach each other, through small files of the state.

Its inbox: a worker that met a file which is not as the catalogue says has it look there. Its sign of life:
for `/readyz`, `/metrics` and `doctor`. Its lock: there is one keeper for each state, whoever scans holds it,
and the kernel releases it however that one ends.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from io import FileIO
from typing import Any

from pypitool.core.model import Location
from pypitool.core.state_files import StateFiles
from pypitool.host import hold_off, lock_now, locked, open_or_make, write_whole

# A keeper that does not take what is asked is not there; its walk at the next start finds everything.
_MOST_BYTES = 64 * 1024
BEAT_EVERY = 1.0
_DEATHS = 10


def put_in_inbox(files: StateFiles, *locations: Location) -> None:
    """Ask the keeper to look at files, soon; costs a write, and never fails."""
    if not locations:
        return
    lines = b"".join(json.dumps([place.root, place.path]).encode() + b"\n" for place in locations)
    with suppress(OSError), locked(files.keeper_inbox, 0o640, os.O_APPEND) as inbox:
        if os.fstat(inbox.fileno()).st_size + len(lines) <= _MOST_BYTES:
            inbox.write(lines)


def take_inbox(files: StateFiles) -> frozenset[Location]:
    """Return the files that somebody asked about, and forget them."""
    try:
        if not files.keeper_inbox.stat().st_size:
            return frozenset()
        with locked(files.keeper_inbox, 0o640, os.O_APPEND) as inbox:
            asked = inbox.read(_MOST_BYTES)
            inbox.truncate(0)
    except OSError:
        return frozenset()
    return frozenset(filter(None, map(_location, asked.splitlines())))


def put_doubt(files: StateFiles) -> None:
    """Ask the keeper to read the whole catalogue, because a part of it made no sense; never fails."""
    with suppress(OSError):
        os.close(open_or_make(files.catalogue_doubt, 0o640))


def take_doubt(files: StateFiles) -> bool:
    """Tell whether somebody doubted the catalogue, and forget it."""
    try:
        files.catalogue_doubt.unlink()
    except OSError:
        return False
    return True


def _location(line: bytes) -> Location | None:
    try:
        root, path = json.loads(line)
    except ValueError:
        return None
    return Location(root, path) if isinstance(root, int) and isinstance(path, str) else None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life."""

    pid: int
    at: float  # seconds since the epoch
    scanning: bool = False  # a walk of everything is under way
    read: int = 0  # of the files that this walk has to read ...
    to_read: int = 0  # ... so many
    walked_at: float | None = None  # when the last walk of everything ended
    lag: float = 0.0  # for how many seconds the oldest change has been waiting
    unsettled: int = 0  # files that are being written
    watched: bool = True  # every folder is watched
    failing: str = ""  # why its last turn failed
    ended: bool = False  # in order: a keeper that has not, and is gone, has died
    deaths: tuple[float, ...] = ()  # when those before it were found dead, the last ones

    def age(self, now: float) -> float:
        """Return how long ago it was given."""
        return max(0.0, now - self.at)


class Pulse:
    """Gives signs of life, about one a second."""

    def __init__(self, files: StateFiles) -> None:
        self._files = files
        self._last = Heartbeat(os.getpid(), 0.0)
        self.due = 0.0  # when it is time for the next one

    def begin(self) -> None:
        """Note it where the keeper before this one has died: it may be its work that kills it."""
        before = read_heartbeat(self._files)
        if before is None:
            return
        deaths = tuple(before.deaths) if before.ended else (*before.deaths, time.time())
        self._last = replace(self._last, deaths=deaths[-_DEATHS:])

    def end(self) -> None:
        """Give the last sign of life, which says that it is the last."""
        self.beat(scanning=False, ended=True)

    def beat(self, **news: Any) -> None:
        """Give a sign of life, with what is new."""
        self._last = replace(self._last, at=time.time(), **news)
        self.due = self._last.at + BEAT_EVERY
        # A full disk must not end the keeper: who reads sees that the last sign is old.
        with suppress(OSError):
            write_heartbeat(self._files, self._last)


def write_heartbeat(files: StateFiles, heartbeat: Heartbeat) -> None:
    """Replace the last sign of life."""
    write_whole(files.keeper_life, json.dumps(asdict(heartbeat)).encode())


def read_heartbeat(files: StateFiles) -> Heartbeat | None:
    """Return the last sign of life, or None if there was none."""
    try:
        document = json.loads(files.keeper_life.read_text())
        known = Heartbeat.__dataclass_fields__.keys()
        said = {key: value for key, value in document.items() if key in known}
        return Heartbeat(**{**said, "deaths": tuple(said.get("deaths", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


@contextmanager
def keeper_lock(files: StateFiles) -> Iterator[bool]:
    """Try to become the keeper of a state, and tell whether we are."""
    # Opened by whoever locks it: a descriptor that was inherited would share its parent's lock.
    with FileIO(open_or_make(files.keeper_lock, 0o640)) as file:
        # Where there are no locks, two keepers do the same work twice, and no harm.
        yield lock_now(file.fileno()) is not False


def is_kept(files: StateFiles) -> bool:
    """Tell whether a keeper is at work."""
    if not files.keeper_lock.exists():
        return False
    with keeper_lock(files) as mine:
        return not mine


def serving(files: StateFiles) -> AbstractContextManager[object]:
    """Hold a state as a server does, beside others that serve: nobody takes it over meanwhile."""
    return hold_off(files.server_lock, shared=True)


@contextmanager
def alone_with(files: StateFiles) -> Iterator[bool]:
    """Keep keepers and servers away from a state, and tell whether there were none."""
    with keeper_lock(files) as is_keeper, FileIO(open_or_make(files.server_lock, 0o640)) as file:
        yield is_keeper and lock_now(file.fileno()) is not False


def is_in_use(files: StateFiles) -> bool:
    """Tell whether a keeper or a server is at work."""
    if is_kept(files):
        return True
    if not files.server_lock.exists():
        return False
    with FileIO(open_or_make(files.server_lock, 0o640)) as file:
        return lock_now(file.fileno()) is False
