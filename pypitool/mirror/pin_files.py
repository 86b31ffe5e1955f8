"""Requirements files whose pins are rewritten: looked at before anything starts, replaced whole or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import is_valid_pylock_path
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.mirror.pin_rewrite import NewPin, rewrite_pins
from pypitool.core.mirror.requirement_lines import LineFault, LinePosition, RequirementLine, parse_lines
from pypitool.core.mirror.run_events import WarningEvent, WrittenEvent
from pypitool.core.mirror.selection import is_pin
from pypitool.host import sync_directory, whole_file
from pypitool.mirror.inputs import InputFaults, encoding_of
from pypitool.mirror.sync import Report
from pypitool.mirror.update_offers import UpdateOffer


@dataclass(frozen=True, slots=True)
class _PinFile:
    mark: bytes  # the byte order mark that it begins with
    encoding: str
    text: str

    def pinned(self) -> Iterator[RequirementLine]:
        """Yield the lines that name exactly one version."""
        for statement in parse_lines(self.text, "", {}):
            if isinstance(statement, RequirementLine) and is_pin(statement.requirement.specifier):
                yield statement


def check_pin_files(paths: Sequence[Path]) -> None:
    """Raise `InputFaults` for every file that cannot be rewritten, before anybody is asked for anything."""
    faults = []
    for path in paths:
        try:
            _read(path)
            if not os.access(path.resolve().parent, os.W_OK):
                raise PermissionError(0, "its directory cannot be written")
        except (OSError, UnicodeDecodeError, LookupError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            faults.append(LineFault(f"cannot be rewritten: {reason}", LinePosition(str(path), 1)))
        if is_valid_pylock_path(path):
            reason = "it is a lock, and not a file of requirements; `pypitool lock` writes it anew"
            faults.append(LineFault(f"cannot be rewritten: {reason}", LinePosition(str(path), 1)))
    if faults:
        raise InputFaults(faults)


def rewrite_pin_files(paths: Sequence[Path], offers: Sequence[UpdateOffer], report: Report) -> None:
    """Move the pins of every file to the new releases, and say which were left alone."""
    for path in paths:
        file = _read(path)
        pins = {offer.name: pin for offer in offers if (pin := _new_pin(offer)) is not None}
        unhashed = {name for name, pin in pins.items() if not pin.sha256} & _hashed(file)
        rewritten = rewrite_pins(file.text, {name: pins[name] for name in pins.keys() - unhashed})
        if rewritten.projects:
            _replace(path.resolve(), file.mark + rewritten.text.encode(file.encoding))
            report(WrittenEvent(str(path), tuple(sorted(rewritten.projects))))
        for warning in _left_alone(path, file, pins, rewritten.projects, unhashed):
            report(warning)


def _read(path: Path) -> _PinFile:
    body = path.read_bytes()
    mark, encoding = encoding_of(body)
    return _PinFile(mark, encoding, body[len(mark) :].decode(encoding))


def _new_pin(offer: UpdateOffer) -> NewPin | None:
    if offer.choice is None or offer.choice.new is None:
        return None
    digests = [file.sha256 for file in offer.choice.files if file.sha256 is not None]
    return NewPin(offer.choice.have, str(offer.choice.new), digests)


def _hashed(file: _PinFile) -> set[NormalizedName]:
    return {canonicalize_name(line.requirement.name) for line in file.pinned() if line.hashes}


def _left_alone(
    path: Path,
    file: _PinFile,
    pins: Mapping[NormalizedName, NewPin],
    written: frozenset[NormalizedName],
    unhashed: set[NormalizedName],
) -> Iterator[WarningEvent]:
    for line in file.pinned():
        name = canonicalize_name(line.requirement.name)
        if name in pins and name not in written:
            why = "no sha256 is known of it" if name in unhashed else f"{pins[name].have} is what is here"
            message = f"{path}:{line.source.line}: {line.requirement} stays: {why}"
            yield WarningEvent(message, project=name)


def _replace(path: Path, body: bytes) -> None:
    before = path.stat()

    def keep_owner_and_mode(new: Path) -> None:
        shutil.copymode(path, new)
        with suppress(PermissionError):
            os.chown(new, before.st_uid, before.st_gid)

    with whole_file(path, keep_owner_and_mode) as file:
        file.write(body)
    sync_directory(path.parent)
