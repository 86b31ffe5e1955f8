"""One file of the package directories, read: what a page has to say of it, or why it is not listed.

Who still writes it is the only question that tells a half-copied file from a finished one for certain.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from dataclasses import dataclass
from typing import TypeAlias

from pypitool.archives.archive import read_held_archive
from pypitool.archives.digest import Digester
from pypitool.archives.open_archive import ArchiveFacts, BrokenArchive
from pypitool.core.errors import PypitoolError
from pypitool.core.filenames import BadFilename, Distribution, parse
from pypitool.core.guard import Guard
from pypitool.core.model import Contents, Digests, FileStat, HeldFile, Location, Problem
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.failures import NoSuchFile, NotReadable, unreadable
from pypitool.store.opened import Opened, stat_of
from pypitool.store.store import Store

_PIECE = 1024**2
# A write that comes right after our look leaves the same time on the file: the kernel's clock for files goes
# by ticks of up to 10 ms. Later than two of them, a change is seen in the stat.
_TICKS = 0.02
# Where the kernel does not tell who writes, a file counts as still being written for so long after a change:
# before it is opened at all, before a broken one is called broken, and before an open one is called forsaken.
_QUIET = 0.2
_YOUNG = 2.0
_FORSAKEN = 60.0
ReadOutcome: TypeAlias = "ReadFile | Problem | Unsettled | None"

_F_SETSIG = 10  # fcntl(2), Linux; not in the module `fcntl`
_SAYS_NOTHING = (errno.EACCES, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that can be listed, and the METADATA body to keep of it."""

    file: HeldFile
    metadata_body: bytes | None
    gap: str = ""  # why it cannot be installed, though it is whole


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A file that is to be looked at again soon: it is being written, or was a moment ago."""

    location: Location
    certain: bool = True  # the kernel says so, or it changed while we read it


def read_found(
    store: Store, location: Location, found: Walked | Unreadable | None, writers: Writers
) -> ReadOutcome:
    """Read what a look at `location` has just met."""
    if found is None:
        return None
    if isinstance(found, Unreadable):
        return Problem(found.location, found.reason)

    def problem(error: PypitoolError) -> Problem | None:
        # What the system refuses today it may give tomorrow: without a stat it is tried at each walk.
        if isinstance(error, NotReadable):
            return Problem(location, f"it cannot be read: {error.cause}")
        reason = error.reason if isinstance(error, (BadFilename, BrokenArchive)) else str(error)
        return None if isinstance(error, NoSuchFile) else Problem(location, reason, found.stat)

    return Guard.run(lambda: _read(store, found, writers), problem)


def _read(store: Store, found: Walked, writers: Writers) -> ReadFile | Problem | Unsettled:
    location = found.location
    distribution = parse(location.filename)
    age = _age(found.stat)
    if 0 <= age < _TICKS:
        time.sleep(_TICKS - age)
    with store.open(location) as opened:
        return _Reading(location, distribution, opened, signed=found.signed).run(writers)


def contents_of(facts: ArchiveFacts, digests: Digests) -> Contents:
    """Put together what the catalogue keeps of a file's inside; see `metadata_sha256` for its METADATA."""
    requires_python = None if facts.metadata is None else facts.metadata.requires_python
    misnamed = facts.misnamed or None
    return Contents(digests, requires_python, metadata_digest(facts.metadata_body), misnamed)


def metadata_digest(body: bytes | None) -> str | None:
    """Return the sha256 under which a METADATA body is kept and served."""
    if body is None:
        return None
    digester = Digester()
    digester.update(body)
    return digester.digests().sha256


@dataclass(frozen=True, slots=True)
class _Reading:
    location: Location
    distribution: Distribution
    opened: Opened
    signed: bool

    def run(self, writers: Writers) -> ReadFile | Problem | Unsettled:
        age = _age(self.opened.stat)
        device = os.fstat(self.opened.descriptor).st_dev
        writing = writers.is_open_for_writing(self.opened.descriptor, device)
        if 0 <= age < (_FORSAKEN if writing else _QUIET if writing is None else 0.0):
            return Unsettled(self.location, certain=writing is True)
        try:
            return self._read()
        except BrokenArchive as error:
            if writing is not False and 0 <= age < _YOUNG:
                return Unsettled(self.location)
            return Problem(self.location, error.reason, self.opened.stat)
        except OSError as error:
            raise unreadable(self.location, error) from error

    def _read(self) -> ReadFile | Unsettled:
        facts = read_held_archive(self.opened.descriptor, self.distribution, self.opened.stat.size)
        digests = read_digests(self.opened.descriptor)
        if stat_of(os.fstat(self.opened.descriptor)) != self.opened.stat:
            return Unsettled(self.location)
        return ReadFile(self._held(contents_of(facts, digests)), facts.metadata_body, facts.gap)

    def _held(self, contents: Contents) -> HeldFile:
        return HeldFile(
            location=self.location,
            project=self.distribution.project,
            version=self.distribution.version,
            kind=self.distribution.kind,
            release_key=self.distribution.release_key,
            stat=self.opened.stat,
            contents=contents,
            upload_time="",  # the catalogue knows better: from the facts, or from the stat
            signed=self.signed,
        )


def read_digests(descriptor: int) -> Digests:
    """Hash a file from its beginning to its end; its position is neither used nor moved."""
    digester = Digester()
    position = 0
    while piece := os.pread(descriptor, _PIECE, position):
        digester.update(piece)
        position += len(piece)
    return digester.digests()


def _age(stat: FileStat) -> float:
    # By ctime alone, which nobody can set. Negative where a file server's clock is ahead of ours.
    return time.time() - stat.ctime_ns / 1e9


class Writers:
    """Asks the kernel whether a file is open for writing, by a lease that is given back at once.

    "A read lease can be placed only on a file descriptor that is opened read-only", and only while nobody
    has the file open for writing: fcntl(2), F_SETLEASE. It is granted to the file's owner and to root.
    """

    def __init__(self) -> None:
        self._honest: set[int] = set()

    def is_open_for_writing(self, descriptor: int, device: int) -> bool | None:
        """Tell whether somebody has the file open for writing; None: the system does not say."""
        if not hasattr(fcntl, "F_SETLEASE"):
            return None
        try:
            # Who opens the file in this very moment breaks the lease. The signal that tells us would end
            # the process; SIGURG is ignored unless somebody asked for it.
            fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            return self._refused(error, device)
        self._honest.add(device)
        return False

    def _refused(self, error: OSError, device: int) -> bool | None:
        if error.errno == errno.EAGAIN:
            # NFS and SMB say the same for want of a delegation: believed only where one was granted before.
            return True if device in self._honest else None
        if error.errno in _SAYS_NOTHING:
            return None
        raise error
