"""The files that a command line names, each with its signature and its attestations.

What goes along with a package: a signature, and attestations.

A file that may be sent.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import Distribution
from pypitool.core.model import Digests
from pypitool.core.upload.plan import Outcome, UploadEvent
from pypitool.upload.form import FileOnDisk

_SIGNATURE = ".asc"
_ATTESTATION = ".attestation"


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file cannot be uploaded."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class NotUploadable(PypitoolError):
    """Files that cannot be uploaded: nothing was sent, of the others neither."""

    kind = Kind.INVALID
    faults: Sequence[FileFault]

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return f"nothing was sent: {self.faults[0]}"
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"nothing was sent: there are {len(self.faults)} faults{lines}"


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
    packages = _packages([path for path in paths if not _is_companion(path)], faults)
    companions = {path.name: path for path in paths if _is_companion(path)}
    files = tuple(_with_companions(path, companions, attestations=attestations) for path in packages)
    return Named(files, (*faults, *_strays(companions.values(), packages)))


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


def _is_companion(path: Path) -> bool:
    return path.name.endswith((_SIGNATURE, _ATTESTATION))


def _with_companions(path: Path, given: dict[str, Path], *, attestations: bool) -> NamedFile:
    beside = path.with_name(path.name + _SIGNATURE)
    signature = given.get(beside.name) or (beside if beside.is_file() else None)
    return NamedFile(path, signature, tuple(_attestations(path, given)) if attestations else ())


def _attestations(path: Path, given: dict[str, Path]) -> Iterator[Path]:
    found = {one.name: one for one in path.parent.glob(f"{glob.escape(path.name)}.*{_ATTESTATION}")}
    named = {name: one for name, one in given.items() if _attests(name, path)}
    merged = found | named
    yield from (merged[name] for name in sorted(merged))


def _attests(name: str, path: Path) -> bool:
    return name.startswith(f"{path.name}.") and name.endswith(_ATTESTATION)


def _strays(companions: Iterable[Path], packages: Sequence[Path]) -> Iterator[FileFault]:
    for companion in companions:
        if companion.name.endswith(_SIGNATURE):
            belongs = any(companion.name == f"{path.name}{_SIGNATURE}" for path in packages)
        else:
            belongs = any(_attests(companion.name, path) for path in packages)
        if not belongs:
            yield FileFault(str(companion), "the file that it belongs to is not among these")


_LARGEST = 64 * 1024
_ARMOUR = b"-----BEGIN PGP SIGNATURE-----"


class Unusable(Exception):
    """What is wrong with a file, said by a part that does not name it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_signature(path: Path) -> bytes:
    """Return a signature as it is sent, or raise `Unusable`."""
    body = _read(path, _LARGEST)
    if not body.lstrip().startswith(_ARMOUR):
        raise Unusable("it is no signature in armour (gpg --armor --detach-sign)")
    return body


def read_attestation(path: Path) -> object:
    """Return an attestation (PEP 740), or raise `Unusable`; what it attests is for the index to verify."""
    try:
        document = json.loads(_read(path, 16 * _LARGEST))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unusable("it is no JSON object")
    return document


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        body = file.read(limit + 1)
    if len(body) > limit:
        raise Unusable(f"it has more than {limit:,} bytes")
    return body


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

    def event(self, outcome: Outcome, kind: Kind | None = None, message: str | None = None) -> UploadEvent:
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
        )
