"""`facts.jsonl`: what people decided and files cannot tell.

It is the audit trail, and what a rebuilt catalogue replays.
"""

from __future__ import annotations

import errno
import json
import logging
import mmap
import os
import pwd
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

from pypitool.catalogue.undone import sum_of_last, undone_lines
from pypitool.core.errors import Kind, NoSpace, PypitoolError, RecordedOnly, of_the_machine
from pypitool.core.fact import (
    VERSION,
    Actor,
    Fact,
    did_not_come_about,
    from_document,
    not_texts,
    takes_away,
    to_document,
)
from pypitool.core.fact_line import LineDamaged, from_line, is_torn, to_line
from pypitool.core.guard import Guard
from pypitool.core.state_files import torn_of
from pypitool.core.text import printable, timestamp
from pypitool.host import locked, open_no_link, open_or_make, open_to_read, sync_directory, unlock

_WHAT = re.compile(rb'"what": ?"([a-z-]+)"')
_STATUS = re.compile(rb'"status": ?"([a-z]+)"')

_NEAR_THE_END = 64 * 1024
# What is longer is no line of ours, and stays where it is.
_LONGEST_TORN = 1024**2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that cannot be applied: a crash cut it off, it was damaged, or somebody edited it."""

    path: Path
    offset: int
    reason: str
    what: str = ""  # the kind of fact that it was, where that can still be read
    takes_away: bool = False  # it would have ended something, which goes on now
    is_damaged: bool = True  # it cannot be read at all
    is_torn: bool = False  # a crash cut it off, and nobody was told that it is done

    def __str__(self) -> str:
        return f"{self.path}: the line at byte {self.offset} is skipped: {self.reason}"


class FactsUnwritable(PypitoolError):
    """The log of facts cannot be written: nothing that has to be remembered can be done."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    sentence = "cannot write {path}: {reason}"
    hint = "check the owner and the permissions of the state directory, and whether the disk is writable"
    path: Path
    reason: str


class FactNotText(PypitoolError):
    """A fact holds what is no text, and no database could ever hold it: nothing is written."""

    kind = Kind.INVALID
    sentence = "`{text}` is no text"
    hint = "write it in UTF-8"
    text: str


class FactsTooNew(PypitoolError):
    """A newer pypitool wrote this log."""

    kind = Kind.CONFIG
    ends_the_turn = True
    sentence = "{path} holds facts of version {version}, written by a newer pypitool"
    hint = "upgrade pypitool"
    path: Path
    version: object


def local_actor() -> Actor:
    """Return the login that runs this process."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        login = str(os.getuid())
    return Actor(f"local:{login}", means="local")


def _warn(skipped: Skipped) -> None:
    _log.log(logging.ERROR if skipped.takes_away else logging.WARNING, "%s", skipped)


class FactLog:
    """The file of facts: appended durably, from any thread and process, and read from the beginning."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock

    def append(self, *facts: Fact) -> None:
        """Write facts, all or none of them, and return when they are on the disk."""
        with _reporting(self.path), self._open_locked() as file:
            _write(file.fileno(), self._lines(facts))
            # Not under the lock: the disk makes several waiting writers durable at once.
            unlock(file.fileno())
            os.fsync(file.fileno())

    def append_lines(self, lines: Callable[[], Iterable[bytes]]) -> None:
        """Write lines of other logs, all or none, and return when they are on the disk.

        What they are is asked while every other append is held off: it may hang on the last line here.
        """
        with _reporting(self.path), self._open_locked() as file:
            if data := b"".join(lines()):
                _write(file.fileno(), data)
            os.fsync(file.fileno())

    @contextmanager
    def alone(self) -> Iterator[Callable[..., None]]:
        """Hold off every other append while something is decided, and give what appends meanwhile."""
        with _reporting(self.path):
            file = self._open_locked()

        def append(*facts: Fact) -> None:
            with _reporting(self.path):
                _write(file.fileno(), self._lines(facts))
                os.fsync(file.fileno())

        with file:
            yield append

    def undo(self, is_it: Callable[[Fact], bool], hint: str) -> bool:
        """Note that the last fact of these did not come about, if there is one; its line holds `hint`."""
        with self.alone() as append:
            line_sum = sum_of_last(self.path, is_it, hint)
            if line_sum is not None:
                append(did_not_come_about(line_sum, local_actor()))
        return line_sum is not None

    def replay(self, offset: int = 0, *, skipped: Callable[[Skipped], None] = _warn) -> Iterator[Fact]:
        """Iterate over the facts from a byte offset on; lines that are none go to `skipped`.

        One that did not come about says so. Where only the line that says it comes after the offset, the
        fact comes in that line's place.
        """
        undone = undone_lines(self.path, offset)
        targets = dict(undone.values())
        begin = offset
        for at, line in self._lines_from(offset):
            fact = self._read(line, at, skipped)
            if fact is not None and at not in undone:
                yield replace(fact, undone=targets[at]) if at in targets else fact
            elif at in undone and undone[at][0] < begin:
                target, when = undone[at]
                _, line = next(self._lines_from(target))
                yield replace(self._fact(line), undone=when)

    def _lines_from(self, offset: int) -> Iterator[tuple[int, bytes]]:
        if not self.path.exists():
            return
        with open_to_read(self.path) as file:
            file.seek(offset)
            for line in file:
                yield offset, line
                offset += len(line)

    def last(self, what: str) -> Fact | None:
        """Return the last fact of a kind."""
        if not self.size():
            return None
        with open_to_read(self.path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # In a text the quotes would be escaped: this is the key itself. No line that a crash cut off.
            found = data.rfind(f'"what":"{what}"'.encode(), 0, data.rfind(b"\n") + 1)
            if found < 0:
                return None
            start = data.rfind(b"\n", 0, found) + 1
            return self._read(data[start : data.find(b"\n", found) + 1], start, _warn)

    def newest(self) -> str | None:
        """Return when the last fact was written that can be read; None: there is none near the end."""
        newest = None
        for at, line in self._lines_from(max(0, self.size() - _NEAR_THE_END)):
            fact = self._read(line, at, lambda _skipped: None)
            newest = newest if fact is None else fact.at or newest
        return newest

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
            file = self._open_locked()
        with file:
            yield os.fstat(file.fileno()).st_size

    def _lines(self, facts: Iterable[Fact]) -> bytes:
        at = timestamp(self._clock())
        return b"".join([_line(replace(fact, at=fact.at or at)) for fact in facts])

    def _open_locked(self) -> FileIO:
        while True:
            is_new = not self.path.exists()
            file = locked(self.path, 0o640, os.O_APPEND)
            if is_new:
                sync_directory(self.path.parent)
            # A restore may have put another file here while we waited for the lock of the old one.
            if _is_at(file.fileno(), self.path):
                _set_torn_aside(self.path, file.fileno())
                return file
            file.close()

    def _read(self, line: bytes, offset: int, skipped: Callable[[Skipped], None]) -> Fact | None:
        if not line.strip():
            return None

        def skip(fault: PypitoolError) -> None:
            skipped(_skipped(self.path, line, offset, fault))

        return Guard.run(lambda: self._fact(line), skip)

    def _fact(self, line: bytes) -> Fact:
        document = from_line(line)
        version = document["v"]
        if isinstance(version, int) and version > VERSION:
            raise FactsTooNew(self.path, version)
        return from_document(document)


def _skipped(path: Path, line: bytes, offset: int, fault: PypitoolError) -> Skipped:
    """Say what a line is that could not be read as a fact; of a damaged one, what is left of it."""
    found = _WHAT.search(line)
    what = found[1].decode() if found else ""
    status = _STATUS.search(line)
    ends = takes_away(what, status[1].decode() if status else None)
    cause = fault.__cause__
    if is_torn(line):
        return Skipped(path, offset, "it is not a fact, cut off in the middle", what, ends, is_torn=True)
    # A line with other bytes than were written, that is none in JSON, or that lacks what each has.
    if isinstance(fault, LineDamaged):
        return Skipped(path, offset, f"it is damaged: {fault}", what, ends)
    if not found or isinstance(cause, (json.JSONDecodeError, UnicodeDecodeError, KeyError, RecursionError)):
        return Skipped(path, offset, f"it is not a fact ({type(cause).__name__})", what, ends)
    reason = f"it cannot be applied: {printable(str(cause or fault))}"
    return Skipped(path, offset, reason, what, ends, is_damaged=False)


@contextmanager
def already_recorded() -> Iterator[None]:
    """Carry out what stands in the log: where the disk is too full for it, the next replay does."""
    try:
        yield
    except NoSpace as error:
        raise RecordedOnly(error.subject) from error


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        known = of_the_machine(error, str(path))
        raise known or FactsUnwritable(path, error.strerror or str(error)) from error


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _set_torn_aside(path: Path, descriptor: int) -> None:
    """Move what a crash has left of a last line out of the log, and say so, once.

    Blanks take its place, and not less: how far a catalogue has replayed is counted in bytes.
    """
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    tail = os.pread(descriptor, _LONGEST_TORN, max(0, size - _LONGEST_TORN))
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not is_torn(torn) or (len(torn) == len(tail) < size):
        return
    aside = torn_of(path)
    with FileIO(open_or_make(aside, 0o640, os.O_APPEND), "r+") as file:
        file.write(torn + b"\n")
        os.fsync(file.fileno())
    # Another descriptor: one that appends writes at the end, whatever the place.
    with FileIO(open_no_link(path, os.O_RDWR), "r+") as file:
        os.pwrite(file.fileno(), b" " * (len(torn) - 1) + b"\n", size - len(torn))
        os.fsync(file.fileno())
    _log.warning(
        "%s: its last line was cut off before anybody was told that it is done; it is set aside in %s",
        path,
        aside.name,
    )


def _write(descriptor: int, data: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # after a line that somebody wrote without an end
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _line(fact: Fact) -> bytes:
    document = to_document(fact)
    for text in not_texts(document):
        raise FactNotText(printable(text))
    return to_line(document)
