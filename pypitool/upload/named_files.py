"""The files that a command line names, each with its signature and its attestations."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.filenames import SIGNATURE

_ATTESTATION = ".attestation"


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file cannot be uploaded."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A package file, and what goes along with it."""

    path: Path
    signature: Path | None = None
    attestations: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """What a command line names, and what is wrong with it."""

    files: tuple[NamedFile, ...]
    faults: tuple[FileFault, ...] = ()


def named_files(words: Iterable[str], *, attestations: bool = True) -> Named:
    """Find the files; signatures and attestations are taken from the words, or from beside their file."""
    faults: list[FileFault] = []
    paths = list(_paths(words, faults))
    packages = _packages([path for path in paths if not _is_attachment(path)], faults)
    attachments = {path.name: path for path in paths if _is_attachment(path)}
    files = tuple(_with_attachments(path, attachments, attestations=attestations) for path in packages)
    return Named(files, (*faults, *_strays(attachments.values(), packages)))


def _paths(words: Iterable[str], faults: list[FileFault]) -> Iterator[Path]:
    seen: set[str] = set()
    for word in words:
        # A shell leaves a pattern that means nothing as it is, and some shells know none.
        found = [word] if os.path.exists(word) else sorted(glob.glob(word))
        if not found:
            faults.append(FileFault(word, "there is no such file"))
        for name in found:
            if os.path.isdir(name):
                faults.append(
                    FileFault(name, f"it is a directory, did you mean `{os.path.join(name, '*')}`?")
                )
            elif (real := os.path.realpath(name)) not in seen:
                seen.add(real)
                yield Path(name)


def _packages(paths: Iterable[Path], faults: list[FileFault]) -> list[Path]:
    by_name: dict[str, Path] = {}
    for path in paths:
        other = by_name.setdefault(path.name, path)
        if other is not path:
            faults.append(FileFault(str(path), f"{other} has the same name"))
    return list(by_name.values())


def _is_attachment(path: Path) -> bool:
    return path.name.endswith((SIGNATURE, _ATTESTATION))


def _with_attachments(path: Path, given: dict[str, Path], *, attestations: bool) -> NamedFile:
    beside = path.with_name(path.name + SIGNATURE)
    signature = given.get(beside.name) or (beside if beside.is_file() else None)
    return NamedFile(path, signature, tuple(_attestations(path, given)) if attestations else ())


def _attestations(path: Path, given: dict[str, Path]) -> Iterator[Path]:
    found = {one.name: one for one in path.parent.glob(f"{glob.escape(path.name)}.*{_ATTESTATION}")}
    named = {name: one for name, one in given.items() if _attests(name, path)}
    merged = found | named
    yield from (merged[name] for name in sorted(merged))


def _attests(name: str, path: Path) -> bool:
    return name.startswith(f"{path.name}.") and name.endswith(_ATTESTATION)


def _strays(attachments: Iterable[Path], packages: Sequence[Path]) -> Iterator[FileFault]:
    for attachment in attachments:
        if attachment.name.endswith(SIGNATURE):
            belongs = any(attachment.name == f"{path.name}{SIGNATURE}" for path in packages)
        else:
            belongs = any(_attests(attachment.name, path) for path in packages)
        if not belongs:
            yield FileFault(str(attachment), "the file that it belongs to is not among these")
