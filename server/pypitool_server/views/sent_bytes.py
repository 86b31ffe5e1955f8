"""Whether the bytes that are sent are still those that the catalogue has hashed.

An equal stat says so for nothing. Where only ctime differs, somebody made a link to the file, gave it another
owner or mode, or replaced it by a renaming: `cp -al`, `chmod -R` and `rsync` do that to every file at night,
and change no byte. Such a file is sent from its open descriptor, and judged by its hash. Nobody holds a whole
body of a file that was overwritten under our hands.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.model import HeldFile
from pypitool.store.opened import Opened, stat_of

# Up to here a doubtful file is hashed before its first byte: a client tries again after a 503, but pip ends
# with an error where a body is cut.
_JUDGED_AT_ONCE = 1024 * 1024
# So many bytes go out between two looks at the stat.
_LOOK_EVERY = 1024 * 1024
_PIECE = 1024 * 1024


class FileChanging(PypitoolError):
    """The file on the disk is not the one in the catalogue: somebody is replacing it."""

    kind = Kind.UNAVAILABLE
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}
    sentence = "`{filename}` is being replaced"
    filename: str


def judge_opened(file: HeldFile, opened: Opened, doubt: Callable[[], None]) -> None:
    """Refuse a file that is not the one in the catalogue; `doubt` is called where it may be another."""
    if _stands(file, opened.descriptor):
        return
    doubt()
    if file.stat.size <= _JUDGED_AT_ONCE and not _is_hashed(file, _read(opened.descriptor, file.stat.size)):
        raise FileChanging(file.filename)


def judge_small(file: HeldFile, descriptor: int, body: bytes) -> None:
    """Refuse the whole body of a file, as it was read just now, unless it is what was hashed."""
    if not _stands(file, descriptor) and not _is_hashed(file, (body,)):
        raise FileChanging(file.filename)


class SentPart:
    """Judges a part of a file at its last piece, by the stat alone."""

    def __init__(self, file: HeldFile, descriptor: int, length: int, doubt: Callable[[], None]) -> None:
        self._file = file
        self._descriptor = descriptor
        self._length = length
        self._doubt = doubt
        self._is_doubtful = False

    def __call__(self, piece: bytes, sent: int) -> int:
        """Judge what is being sent; raise `FileChanging` instead of the last piece."""
        if sent == self._length:
            self._look()
        return self._length

    def _look(self) -> None:
        stands = False
        try:
            stands = _stands(self._file, self._descriptor)
        finally:
            if not stands and not self._is_doubtful:
                self._is_doubtful = True
                self._doubt()


class SentWhole(SentPart):
    """Judges a whole body at its last piece: by the stat where that stands, else by the hash."""

    def __init__(self, file: HeldFile, descriptor: int, doubt: Callable[[], None]) -> None:
        super().__init__(file, descriptor, file.stat.size, doubt)
        self._hash: hashlib._Hash | None = None

    def __call__(self, piece: bytes, sent: int) -> int:
        """Judge what is being sent; raise `FileChanging` instead of the last piece."""
        self._look()
        if not self._is_doubtful:
            return sent + _LOOK_EVERY
        if self._hash is None:
            # What went out while the stat stood was the file's: it is read again. Should it be other bytes by
            # now, the hash will be another one.
            self._hash = _hashed(_read(self._descriptor, sent))
        else:
            self._hash.update(piece)
        if sent == self._length and self._hash.hexdigest() != _sha256(self._file):
            raise FileChanging(self._file.filename)
        return sent


def _stands(file: HeldFile, descriptor: int) -> bool:
    """Tell whether the stat of a file is as it was; refuse one that cannot have the same bytes any more."""
    stat = stat_of(os.fstat(descriptor))
    if not file.stat.may_be(stat):
        raise FileChanging(file.filename)
    return stat == file.stat


def _is_hashed(file: HeldFile, body: Iterable[bytes]) -> bool:
    return _hashed(body).hexdigest() == _sha256(file)


def _hashed(body: Iterable[bytes]) -> hashlib._Hash:
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    return digest


def _sha256(file: HeldFile) -> str:
    return file.contents.digests.sha256


def _read(descriptor: int, size: int) -> Iterator[bytes]:
    position = 0
    while position < size and (piece := os.pread(descriptor, min(_PIECE, size - position), position)):
        position += len(piece)
        yield piece
