"""A file that is being uploaded: its bytes go to the disk while they are hashed, its signature to memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from packaging.utils import NormalizedName

from pypitool.archives.digest import Digester, blake2b_512
from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.filenames import Distribution, parse
from pypitool.core.index.upload_form import UploadRefused
from pypitool.core.text import printable
from pypitool.store.store import Store
from pypitool.store.temporary import TemporaryFile
from pypitool_server.upload_form import BrokenForm, Form, Sink

CONTENT = "content"
SIGNATURE = "gpg_signature"
LARGEST_SIGNATURE = 64 * 1024
ACTION = ":action"
DOCUMENTS = "doc_upload"


# Raises what kind of refusal it is to upload a file of a project.
Admit = Callable[[NormalizedName], object]


class FileTooLarge(PypitoolError):
    """A file beyond what `max-upload-size` allows."""

    kind = Kind.INVALID
    status = 413

    def __init__(self, filename: str, limit: int) -> None:
        super().__init__(filename, limit)
        self.filename = filename
        self.limit = limit

    def __str__(self) -> str:
        return f"`{printable(self.filename)}` is larger than the {self.limit:,} bytes that are accepted here"


class Arrival:
    """Where the files of one form go; nothing is left of them unless they are published."""

    def __init__(self, store: Store, *, admit: Admit, limit: int, announced: int) -> None:
        self._store = store
        self._admit = admit
        self._limit = limit
        self._announced = announced
        self._stack = ExitStack()
        self.filename: str | None = None  # of the content, when there is one
        self.distribution: Distribution | None = None
        self.temporary: TemporaryFile | None = None
        self.digester = Digester()
        self.signature: bytearray | None = None
        self._signature_name = ""

    def __enter__(self) -> Arrival:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self, field: str, filename: str, form: Form) -> Sink:
        """Say where the bytes of a file go that begins now, or refuse it before it arrives."""
        if field == CONTENT and self.filename is None:
            self.filename = filename
            if form.first(ACTION) != DOCUMENTS:
                self.distribution = parse(filename)
                # Before its bytes arrive: a large file that is refused costs nobody anything.
                self._admit(self.distribution.project)
            # A file system that does not tell says 0; one that is full says so at the first write.
            if 0 < self._store.free() < self._announced:
                raise NoSpace("the package directory")
            self.temporary = self._stack.enter_context(self._store.temporary())
            return _Content(filename, self.temporary, self.digester, self._limit)
        if field == SIGNATURE and self.signature is None:
            self._signature_name = filename
            self.signature = bytearray()
            return _Signature(filename, self.signature)
        raise BrokenForm(f"no file is expected in its field `{printable(field)}`")

    def checked_signature(self) -> bytes | None:
        """Return the signature, if there is one and it is that of the file."""
        if self.signature is None or self.filename is None:
            return None
        if self._signature_name != f"{self.filename}.asc":
            reason = f"its signature has to be named `{printable(self.filename)}.asc`"
            raise UploadRefused(self.filename, reason)
        return bytes(self.signature)

    def long_blake2(self) -> str:
        """Read the file once more, for the digest that only `setup.py upload` of old sends."""
        assert self.temporary is not None
        self.temporary.file.seek(0)
        return blake2b_512(self.temporary.file)


class _Content:
    def __init__(self, filename: str, temporary: TemporaryFile, digester: Digester, limit: int) -> None:
        self._filename = filename
        self._temporary = temporary
        self._digester = digester
        self._limit = limit

    def write(self, data: bytes) -> None:
        self._digester.update(data)
        if self._digester.size > self._limit:
            raise FileTooLarge(self._filename, self._limit)
        self._temporary.write(data)


class _Signature:
    def __init__(self, filename: str, body: bytearray) -> None:
        self._filename = filename
        self._body = body

    def write(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > LARGEST_SIGNATURE:
            raise FileTooLarge(self._filename, LARGEST_SIGNATURE)
