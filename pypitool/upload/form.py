"""A checked file, and the form that carries it: a stream, never in memory, read anew for each try."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import SIGNATURE, Distribution
from pypitool.core.model import Digests
from pypitool.core.progress import TransferProgress
from pypitool.core.upload.plan import Outcome, UploadEvent
from pypitool.upstream.upstream_errors import Stopped

_PIECE = 64 * 1024


class FileChanged(PypitoolError):
    """A file that is not the one that was checked."""

    kind = Kind.INVALID
    sentence = "it changed since it was checked"
    path: Path


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """A file as it was when it was checked."""

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> FileOnDisk:
        """Take what is there now."""
        stat = path.stat()
        return cls(path, stat.st_size, stat.st_mtime_ns)

    def pieces(self) -> Iterator[bytes]:
        """Read it, or raise `FileChanged` when it is another one by now, or none at all."""
        size = 0
        try:
            if self.at(self.path) != self:
                raise FileChanged(self.path)
            with self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    size += len(piece)
                    yield piece
        except OSError as error:
            # Below requests an OSError is one of the connection, and would be tried again.
            raise FileChanged(self.path) from error
        if size != self.size:
            raise FileChanged(self.path)


@dataclass(frozen=True, slots=True)
class Package:
    """A file without a fault, with the form that goes along."""

    file: FileOnDisk
    distribution: Distribution
    digests: Digests
    fields: tuple[tuple[str, str], ...]
    signature: bytes | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.distribution.filename

    @property
    def project(self) -> NormalizedName:
        """The project that it belongs to."""
        return self.distribution.project

    def digest(self, algorithm: str) -> str:
        """Return a digest of it; one that is seldom asked for is made now."""
        if algorithm == "sha256":
            return self.digests.sha256
        digest = hashlib.new(algorithm)
        for piece in self.file.pieces():
            digest.update(piece)
        return digest.hexdigest()

    def event(
        self,
        outcome: Outcome,
        kind: Kind | None = None,
        message: str | None = None,
        hint: str | None = None,
    ) -> UploadEvent:
        """Say what became of it."""
        return UploadEvent(
            name=self.name,
            project=self.project,
            version=self.distribution.version,
            outcome=outcome,
            sha256=self.digests.sha256,
            bytes=self.file.size,
            kind=kind,
            message=message,
            hint=hint,
        )


class FormBody:
    """The body of an upload; each iteration is a try, of which `progress` hears; `stop` ends it halfway."""

    def __init__(
        self,
        fields: Iterable[tuple[str, str]],
        content: FileOnDisk,
        signature: bytes | None = None,
        *,
        progress: TransferProgress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._boundary = token_hex(16)
        name = content.path.name
        head = [self._part(f'name="{field}"', value.encode()) for field, value in fields]
        if signature is not None:
            head.append(self._part(_file("gpg_signature", name + SIGNATURE), signature))
        head.append(self._opening(_file("content", name)))
        self._head = b"".join(head)
        self._content = content
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()
        self._progress = progress or TransferProgress()
        self._stop = stop or threading.Event()

    @property
    def content_type(self) -> str:
        """The header that goes with it."""
        return f"multipart/form-data; boundary={self._boundary}"

    def __len__(self) -> int:
        return len(self._head) + self._content.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        name = self._content.path.name
        self._progress.started(name, self._content.size)
        yield self._head
        for piece in self._content.pieces():
            yield piece
            self._progress.moved(name, len(piece))
            if self._stop.is_set():
                raise Stopped()  # the index throws away what is not whole
        yield self._tail

    def _part(self, disposition: str, value: bytes) -> bytes:
        return self._opening(disposition) + value + b"\r\n"

    def _opening(self, disposition: str) -> bytes:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()


def _file(field: str, name: str) -> str:
    # The name was checked: it has no character that would have to be escaped.
    return f'name="{field}"; filename="{name}"\r\nContent-Type: application/octet-stream'
