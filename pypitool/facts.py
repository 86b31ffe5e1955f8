"""`facts.jsonl`: what people decided and files cannot tell. It is the audit trail, and what a rebuilt
catalogue replays."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.model import Origin, OriginKind
from pypitool.ownership import hand_over

VERSION = 1

_log = logging.getLogger(__name__)


class What(str, Enum):
    """The kinds of facts that a catalogue replays; other kinds are kept and passed over."""

    UPLOAD = "upload"
    OVERWRITE = "overwrite"
    DELETE = "delete"
    YANK = "yank"
    UNYANK = "unyank"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: `user:deploy`, `local:root` or `anonymous`, from which address, by what means."""

    who: str
    address: str | None = None
    means: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: one thing that somebody did to one file, or to one project."""

    what: str
    actor: Actor
    project: NormalizedName | None = None
    version: str | None = None
    filename: str | None = None
    sha256: str | None = None
    reason: str | None = None
    upload_time: str | None = None
    origin: Origin | None = None
    yanked: str | None = None  # what the upstream of a mirrored file says; a decision here is a `yank`
    status: str | None = None
    at: str | None = None  # set when it is appended
    details: Mapping[str, Any] = field(default_factory=dict)  # what only other kinds of facts have


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is not a fact: a crash cut it off, or somebody edited it."""

    path: Path
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: the line at byte {self.offset} is skipped: {self.reason}"


class FactsUnwritable(PypitoolError):
    """The log of facts cannot be written: nothing that has to be remembered can be done."""

    kind = Kind.UNAVAILABLE
    hint = "check the owner and the permissions of the state directory, and whether the disk is writable"

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"cannot write {self.path}: {self.reason}"


class FactsTooNew(PypitoolError):
    """A newer pypitool wrote this log."""

    kind = Kind.CONFIG
    hint = "upgrade pypitool"

    def __init__(self, path: Path, version: object) -> None:
        self.path = path
        self.version = version
        super().__init__(path, version)

    def __str__(self) -> str:
        return f"{self.path} holds facts of version {self.version}, written by a newer pypitool"


def local_actor() -> Actor:
    """Return the login that runs this process."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        login = str(os.getuid())
    return Actor(f"local:{login}", means="local")


def timestamp(now: float) -> str:
    """Return a moment as all our files and answers write it."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _warn(skipped: Skipped) -> None:
    _log.warning("%s", skipped)


class FactLog:
    """The file of facts: appended durably, from any thread and process, and read from the beginning."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock

    def append(self, *facts: Fact) -> None:
        """Write facts, all or none of them, and return when they are on the disk."""
        at = timestamp(self._clock())
        data = b"".join(_line(replace(fact, at=fact.at or at)) for fact in facts)
        with _reporting(self.path):
            descriptor = self._open_locked()
            try:
                _write(descriptor, data)
                # Not under the lock: the disk makes several waiting writers durable at once.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def replay(self, offset: int = 0, *, skipped: Callable[[Skipped], None] = _warn) -> Iterator[Fact]:
        """Iterate over the facts from a byte offset on; lines that are none go to `skipped`."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                fact = self._read(line, offset, skipped)
                offset += len(line)
                if fact is not None:
                    yield fact

    def size(self) -> int:
        """Return how many bytes of facts there are."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold off every append, and give the size that the log has meanwhile."""
        with _reporting(self.path):
            descriptor = self._open_locked()
        try:
            yield os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _open_locked(self) -> int:
        # A restore may put another file here while we wait for the lock of the old one.
        while True:
            descriptor = self._open()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, self.path):
                return descriptor
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            descriptor = os.open(self.path, flags | os.O_CREAT, 0o640)
            hand_over(self.path)
            sync_directory(self.path.parent)
            return descriptor

    def _read(self, line: bytes, offset: int, skipped: Callable[[Skipped], None]) -> Fact | None:
        if not line.strip():
            return None
        try:
            document = json.loads(line)
            version = document["v"]
            if isinstance(version, int) and version > VERSION:
                raise FactsTooNew(self.path, version)
            return _from_document(document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            torn = "" if line.endswith(b"\n") else ", cut off in the middle"
            skipped(Skipped(self.path, offset, f"it is not a fact{torn} ({type(error).__name__})"))
            return None


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(str(path)) from error
        raise FactsUnwritable(path, error.strerror or str(error)) from error


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, data: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # after a line that a crash cut off
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _line(fact: Fact) -> bytes:
    return json.dumps(_to_document(fact), separators=(",", ":")).encode() + b"\n"


def _to_document(fact: Fact) -> dict[str, Any]:
    origin = fact.origin and {"kind": fact.origin.kind.value, "detail": fact.origin.detail}
    document = {
        "v": VERSION,
        "at": fact.at,
        "what": str(fact.what.value if isinstance(fact.what, Enum) else fact.what),
        "who": fact.actor.who,
        "from": fact.actor.address,
        "with": fact.actor.means,
        "project": fact.project,
        "version": fact.version,
        "file": fact.filename,
        "sha256": fact.sha256,
        "reason": fact.reason,
        "upload_time": fact.upload_time,
        "origin": origin,
        "yanked": fact.yanked,
        "status": fact.status,
        **fact.details,
    }
    return {key: value for key, value in document.items() if value is not None}


_FIELDS = {
    "project": "project",
    "version": "version",
    "file": "filename",
    "sha256": "sha256",
    "reason": "reason",
    "upload_time": "upload_time",
    "yanked": "yanked",
    "status": "status",
    "at": "at",
}
_OTHER_KEYS = frozenset({"v", "what", "who", "from", "with", "origin"})


def _from_document(document: dict[str, Any]) -> Fact:
    origin = document.get("origin")
    return Fact(
        what=document["what"],
        actor=Actor(document["who"], document.get("from"), document.get("with")),
        origin=Origin(OriginKind(origin["kind"]), origin["detail"]) if origin else None,
        details={key: document[key] for key in document.keys() - _OTHER_KEYS - _FIELDS.keys()},
        **{name: document.get(key) for key, name in _FIELDS.items()},
    )
