"""Where log lines go: a stream that may be read by nobody, a file that may be rotated away."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

# POSIX: a write of up to PIPE_BUF bytes is atomic, so lines of several workers in one pipe stay whole.
PIPE_PIECE = 4096
PATIENCE_SECONDS = 1.0
FILE_MODE = 0o640


class Sink(Protocol):
    """Takes whole lines."""

    def write(self, lines: bytes) -> None:
        """Write lines, or lose them: a log must never stop the server."""

    def reopen(self) -> None:
        """Follow a file that was renamed away."""


class StreamSink:
    """Standard output or standard error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)

    def write(self, lines: bytes) -> None:
        """Write lines; a terminal that was stopped or a pipe that nobody reads loses them."""
        pieces = [lines] if self._is_file else _pieces(lines)
        with contextlib.suppress(OSError):
            for piece in pieces:
                if not self._is_file and not _has_room(self._descriptor):
                    return
                os.write(self._descriptor, piece)

    def reopen(self) -> None:
        """Do nothing: whoever gave the stream keeps it."""


class FileSink:
    """A file, opened again when it was rotated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._descriptor = _opened(path)

    def write(self, lines: bytes) -> None:
        """Append lines in one write; a full disk loses them."""
        with self._lock, contextlib.suppress(OSError):
            if time.monotonic() - self._looked >= 1.0:
                self._follow()
            os.write(self._descriptor, lines)

    def reopen(self) -> None:
        """Follow the file at once."""
        with self._lock, contextlib.suppress(OSError):
            self._follow()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # it may never have been opened
            os.close(self._descriptor)

    def _follow(self) -> None:
        self._looked = time.monotonic()
        ours = os.fstat(self._descriptor)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            descriptor = _opened(self._path)
            os.close(self._descriptor)
            self._descriptor = descriptor


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)


def _has_room(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    return bool(waiting.poll(PATIENCE_SECONDS * 1000))


def _pieces(lines: bytes) -> Iterator[bytes]:
    start = 0
    while len(lines) - start > PIPE_PIECE:
        # At the last end of a line that fits; a longer line goes alone.
        end = lines.rfind(b"\n", start, start + PIPE_PIECE) + 1 or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end
    if start < len(lines):
        yield lines[start:]
