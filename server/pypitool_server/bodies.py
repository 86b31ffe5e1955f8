"""Bodies that are sent in pieces, and how many of them may be under way at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

from pypitool.core.errors import Kind, PypitoolError

# Larger pieces are hardly faster (2.4 GB per CPU second), and a stalled client holds two or three of them.
PIECE = 32 * 1024

AtEnd = Callable[[int], None]


class TooManyBodies(PypitoolError):
    """Half of the threads are sending or receiving bodies; the others stay free for pages."""

    kind = Kind.UNAVAILABLE
    retry_after = 5

    def __str__(self) -> str:
        return "too many downloads and uploads at once"


class TruncatedFile(PypitoolError):
    """A file became shorter while it was being sent: the client must see a broken body, not a short one."""

    def __str__(self) -> str:
        return "the file became shorter while it was being sent"


class BodySlots:
    """Counts the threads that are busy with long bodies."""

    def __init__(self, limit: int) -> None:
        self._free = max(1, limit)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take a place until `give`; raise `TooManyBodies` when there is none."""
        with self._lock:
            if self._free == 0:
                raise TooManyBodies
            self._free -= 1

    def give(self) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1


class StreamedBody:
    """An iterable of pieces that knows its end, even when it was never begun."""

    def __init__(self, pieces: Iterator[bytes], release: Callable[[], None]) -> None:
        self._pieces = pieces
        self._endings: list[AtEnd] = [lambda _sent: release()]
        self.sent = 0

    def at_end(self, ending: AtEnd) -> None:
        """Call `ending(bytes sent)` once, when the body was sent or given up."""
        self._endings.append(ending)

    def __iter__(self) -> StreamedBody:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.sent += len(piece)
        return piece

    def close(self) -> None:
        """Release what the body holds; a second call does nothing."""
        while self._endings:
            self._endings.pop(0)(self.sent)

    def __del__(self) -> None:
        self.close()


class FileBody(StreamedBody):
    """A part of an opened file, also as the file-like object that a `wsgi.file_wrapper` takes."""

    def __init__(self, descriptor: int, offset: int, length: int, release: Callable[[], None]) -> None:
        super().__init__(_pieces(descriptor, length), release)
        self._descriptor = descriptor
        self._length = length
        self.whole = offset == 0
        os.lseek(descriptor, offset, os.SEEK_SET)
        self.at_end(lambda _sent: os.close(descriptor))

    def read(self, size: int = PIECE) -> bytes:
        """Read on: a `wsgi.file_wrapper` without sendfile calls this until it gives nothing."""
        piece = os.read(self._descriptor, size)
        self.sent += len(piece)
        return piece

    def fileno(self) -> int:
        """Return the descriptor, for an engine that sends it by sendfile."""
        self.sent = self._length
        return self._descriptor


def _pieces(descriptor: int, length: int) -> Iterator[bytes]:
    left = length
    while left > 0:
        piece = os.read(descriptor, min(PIECE, left))
        if not piece:
            raise TruncatedFile
        left -= len(piece)
        yield piece
