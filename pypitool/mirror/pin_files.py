"""Requirements files whose pins are rewritten: looked at before anything starts, replaced whole or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.requirement_lines import LineFault, LinePosition, RequirementLine, parse_lines
from pypitool.host import sync_directory, whole_file
from pypitool.mirror.inputs import InputFaults, encoding_of


class PinFileUnwritable(PypitoolError):
    """A file of requirements could not be replaced; it is as it was."""

    kind = Kind.INVALID
    ends_the_turn = True
    sentence = "{path} stays as it is: {reason}"
    hint = "what was fetched is here: run it again once the file can be written"
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class PinFile:
    """A file of requirements, as it is."""

    path: Path
    mark: bytes  # the byte order mark that it begins with
    encoding: str
    text: str

    def replace(self, text: str) -> None:
        """Put another text in its place, whole."""
        try:
            _replace(self.path.resolve(), self.mark + text.encode(self.encoding))
        except OSError as error:
            raise PinFileUnwritable(self.path, (error.strerror or str(error)).lower()) from error


def lines_in(text: str, path: Path, environ: Mapping[str, str]) -> Iterator[RequirementLine]:
    """Yield the requirements that a text would have as this file."""
    for statement in parse_lines(text, str(path), environ):
        if isinstance(statement, RequirementLine):
            yield statement


def check_pin_files(paths: Sequence[Path]) -> None:
    """Raise `InputFaults` for every file that cannot be rewritten, before anybody is asked for anything."""
    faults = []
    for path in paths:
        try:
            read_pin_file(path)
            if not os.access(path.resolve().parent, os.W_OK):
                raise PermissionError(0, "its directory cannot be written")
        except (OSError, UnicodeError, LookupError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            faults.append(LineFault(f"cannot be rewritten: {reason}", LinePosition(str(path), 1)))
        if is_valid_pylock_path(path):
            reason = "it is a lock, and not a file of requirements; `pypitool lock` writes it anew"
            faults.append(LineFault(f"cannot be rewritten: {reason}", LinePosition(str(path), 1)))
    if faults:
        raise InputFaults(faults)


def read_pin_file(path: Path) -> PinFile:
    """Read a file of requirements."""
    body = path.read_bytes()
    mark, encoding = encoding_of(body)
    text = body[len(mark) :].decode(encoding)
    if text.encode(encoding) != body[len(mark) :]:
        raise UnicodeError(f"what is read as {encoding} would not be written as it was")
    return PinFile(path, mark, encoding, text)


def _replace(path: Path, body: bytes) -> None:
    before = path.stat()

    def keep_owner_and_mode(new: Path) -> None:
        shutil.copymode(path, new)
        with suppress(PermissionError):
            os.chown(new, before.st_uid, before.st_gid)

    with whole_file(path, keep_owner_and_mode) as file:
        file.write(body)
    sync_directory(path.parent)
