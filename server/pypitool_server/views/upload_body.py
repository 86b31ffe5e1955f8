"""The body of an upload: a form that is read while it arrives, and whose file goes to the disk at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from types import TracebackType
from typing import Protocol
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from packaging.utils import NormalizedName
from werkzeug.http import parse_options_header

from pypitool.archives.digest import Digester, blake2b_512
from pypitool.core import limits
from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.filenames import Distribution, parse
from pypitool.core.index.upload_form import UploadRefused
from pypitool.core.text import printable
from pypitool.store.store import Store
from pypitool.store.temporary import TemporaryFile

# Flask's own limits refuse real uploads: 500 kB for a README, 1000 parts for a project with many extras.
# RFC 2046, 5.1.1: "boundary delimiters must not be longer than 70 characters"; some clients take a few more.
LONGEST_BOUNDARY = 200
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
CONTENT = "content"
SIGNATURE = "gpg_signature"
ACTION = ":action"
DOCUMENTS = "doc_upload"


@dataclass(slots=True)
class Form:
    """The fields of a form in their order, and under which names it had files."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)

    def first(self, name: str) -> str | None:
        """Return the first value of a field."""
        return next((value for key, value in self.fields if key == name), None)


def read_form(content_type: str, pieces: Iterable[bytes], open_sink: OpenPart) -> Form:
    """Read a form to its end; return when it is whole, raise when it is not."""
    media, options = parse_options_header(content_type)
    if media == URLENCODED:
        return _urlencoded(pieces)
    if media != MULTIPART:
        raise BrokenForm(f"its type has to be {MULTIPART}")
    boundary = _boundary(options.get("boundary", ""))
    reader = _Multipart(boundary, open_sink)
    try:
        for piece in _with_carriage_returns(pieces, f"--{boundary}\n".encode()):
            reader.receive(piece)
        return reader.finish()
    except ParserLimitReached as error:
        raise FormTooLarge from error
    except MultipartError as error:
        raise BrokenForm(str(error).lower()) from error


def _boundary(text: str) -> str:
    if not (text and text.isascii() and text.isprintable() and len(text) <= LONGEST_BOUNDARY):
        raise BrokenForm("its boundary is missing or absurd")
    return text


def _with_carriage_returns(pieces: Iterable[bytes], bare_line: bytes) -> Iterator[bytes]:
    """Mend a form whose lines end in bare line feeds, as `setup.py register` of distutils writes it.

    It carries no file; one that a client of that kind does send no longer has the digests of its form.
    """
    arriving, head = iter(pieces), b""
    # The boundary comes at once, or after an empty line.
    while len(head) < len(bare_line) + 2 and (piece := next(arriving, b"")):
        head += piece
    if not head.lstrip(b"\r\n").startswith(bare_line):
        yield from (piece for piece in chain([head], arriving) if piece)
        return
    body = bytearray(head)
    for piece in arriving:
        body += piece
        if len(body) > limits.FORM_BYTES.most:
            raise FormTooLarge
    yield bytes(body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _urlencoded(pieces: Iterable[bytes]) -> Form:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limits.FORM_BYTES.most:
            raise FormTooLarge
    try:
        text = body.decode("utf-8", "replace")
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=limits.FORM_PARTS.most))
    except ValueError as error:
        raise FormTooLarge from error


class _Multipart:
    """Turn the events of the parser into a form and writes to sinks.

    Not werkzeug's decoder: where a piece of the body ends one byte after a boundary it adds a carriage return
    to the file before it (3.1.9), and it takes five times as long.
    """

    def __init__(self, boundary: str, open_sink: OpenPart) -> None:
        self.form = Form()
        self._parser = PushMultipartParser(boundary, max_segment_count=limits.FORM_PARTS.most)
        self._open_sink = open_sink
        self._sink: PartSink | None = None
        self._value = bytearray()
        self._name = ""
        self._bytes = 0

    def receive(self, piece: bytes) -> None:
        """Take in the next bytes."""
        for event in self._parser.parse(piece):
            if isinstance(event, MultipartSegment):
                self._begin(event.name, event.filename)
            elif event is None:
                self._end()
            elif self._sink is not None:
                self._sink.write(event)
            else:
                self._count(len(event))
                self._value += event

    def finish(self) -> Form:
        """Return the form; an error unless its last boundary was seen."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise BrokenForm("it ended before its last boundary") from error
        return self.form

    def _begin(self, name: str | None, filename: str | None) -> None:
        if not name:
            raise BrokenForm("a part of it has no name")
        self._name = name
        self._count(len(name))
        if filename is not None:
            self.form.files.append((name, filename))
            self._sink = self._open_sink(name, filename, self.form)

    def _end(self) -> None:
        if self._sink is None:
            self.form.fields.append((self._name, self._value.decode("utf-8", "replace")))
        self._sink = None
        self._value.clear()

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > limits.FORM_BYTES.most:
            raise FormTooLarge


class IncomingFile:
    """Where the files of one form go: to the disk while it is hashed, and a signature to memory.

    Nothing is left of them unless they are published.
    """

    def __init__(
        self, store: Store, *, admit: Admit, limit: int, announced: int, action: str | None = None
    ) -> None:
        self._store = store
        self._action = action  # what is asked where the form does not say it
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

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self, field: str, filename: str, form: Form) -> PartSink:
        """Say where the bytes of a file go that begins now, or refuse it before it arrives."""
        if field == CONTENT and self.filename is None:
            self.filename = filename
            if (form.first(ACTION) or self._action) != DOCUMENTS:
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
        if len(self._body) > limits.SIGNATURE.most:
            raise FileTooLarge(self._filename, limits.SIGNATURE.most)


class BrokenForm(PypitoolError):
    """A body that is not the form that it says to be."""

    kind = Kind.INVALID
    sentence = "the form cannot be read: {reason}"
    reason: str


class FormTooLarge(PypitoolError):
    """More fields, or longer ones, than any upload has."""

    kind = Kind.INVALID
    status = 413
    sentence = (
        f"the form has more than {limits.FORM_PARTS.most:,} fields "
        f"or {limits.FORM_BYTES.most:,} bytes beside its file"
    )


class PartSink(Protocol):
    """Where the bytes of a file go."""

    def write(self, data: bytes, /) -> None:
        """Take in the next bytes."""


# Called when a file begins, with its field, its name, and the form so far.
OpenPart = Callable[[str, str, Form], PartSink]

# Raises what kind of refusal it is to upload a file of a project.
Admit = Callable[[NormalizedName], object]


class FileTooLarge(PypitoolError):
    """A file beyond what `max-upload-size` allows."""

    kind = Kind.INVALID
    status = 413
    filename: str
    limit: int

    def __str__(self) -> str:
        return f"`{printable(self.filename)}` is larger than the {self.limit:,} bytes that are accepted here"
