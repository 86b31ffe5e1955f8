"""Bodies that are sent in pieces: each knows its end, and gives back what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from pypitool.core.errors import PypitoolError

# Larger pieces are hardly faster (2.4 GB per CPU second), and a stalled client holds two or three of them.
PIECE = 32 * 1024

AtEnd = Callable[[int], None]
# Given a piece before it is sent, and how many bytes are sent with it; returns from how many on it is to be
# asked again. A question for each piece would cost a twentieth of the speed.
Judge = Callable[[bytes, int], int]


class TruncatedFile(PypitoolError):
    """A file became shorter while it was being sent: the client must see a broken body, not a short one."""

    sentence = "the file became shorter while it was being sent"


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
    """A part of an opened file, also as the file-like object that a `wsgi.file_wrapper` takes.

    `judge` raises where the file is no longer what was promised. It is always asked before the last piece, so
    that a client never holds a whole body of a file that was overwritten under our hands.
    """

    def __init__(
        self, descriptor: int, start: int, length: int, release: Callable[[], None], judge: Judge
    ) -> None:
        super().__init__(_pieces(descriptor, length, judge), release)
        self._descriptor = descriptor
        self._length = length
        self._handed_out = False
        self.at_end(lambda _sent: os.close(descriptor))
        os.lseek(descriptor, start, os.SEEK_SET)

    def read(self, size: int = PIECE) -> bytes:
        """Read on: a `wsgi.file_wrapper` without sendfile calls this until it gives nothing."""
        piece = os.read(self._descriptor, min(size, self._length - self.sent))
        self.sent += len(piece)
        return piece

    def fileno(self) -> int:
        """Return the descriptor, for an engine that sends it by sendfile."""
        self._handed_out = True
        return self._descriptor

    def close(self) -> None:
        """Close the descriptor, and count as sent what an engine sent without asking."""
        if self._handed_out and self.sent == 0:
            self.sent = self._length
        super().close()


def _pieces(descriptor: int, length: int, judge: Judge) -> Iterator[bytes]:
    sent = asked_at = 0
    while sent < length:
        piece = os.read(descriptor, min(PIECE, length - sent))
        if not piece:
            raise TruncatedFile
        sent += len(piece)
        if sent >= asked_at or sent == length:
            asked_at = judge(piece, sent)
        yield piece
