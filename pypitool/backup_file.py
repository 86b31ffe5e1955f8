"""The file that a backup is: a tar with a manifest, and proof that all of it is there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import Any

from pypitool import __version__
from pypitool.core.errors import Kind, PypitoolError

FORMAT = 1
CATALOGUE, ACTIVITY, FACTS = NAMES = ("catalogue.sqlite", "activity.sqlite", "facts.jsonl")
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 64 * 1024


class BackupUnusable(PypitoolError):
    """The file is not a whole backup."""

    kind = Kind.INVALID

    def __init__(self, file: Path, reason: str) -> None:
        self.file = file
        self.reason = reason
        self.hint = "nothing was changed"
        super().__init__(file, reason)

    def __str__(self) -> str:
        return f"{self.file} cannot be restored: {self.reason}"


def pack(folder: Path, created: str, target: Path) -> None:
    """Write the files of a folder into a new, durable backup that only its owner may read."""
    parts = [folder / name for name in NAMES if (folder / name).exists()]
    manifest = {
        "format": FORMAT,
        "created": created,
        "pypitool": __version__,
        "files": {part.name: {"size": part.stat().st_size, "sha256": _sha256(part)} for part in parts},
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    # For its owner only: it holds addresses, and the hashes of tokens.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for part in (folder / _MANIFEST, *parts):
                archive.add(part, part.name)
        file.flush()
        os.fsync(descriptor)


def unpack(file: Path, folder: Path) -> str:
    """Write the files of a whole backup into a folder, and return when it was made."""
    try:
        with tarfile.open(file) as archive:
            manifest = _read_manifest(file, archive)
            for name, expected in manifest["files"].items():
                _unpack_one(file, archive, name, expected, folder)
            return str(manifest["created"])
    except FileNotFoundError as error:
        raise BackupUnusable(file, "there is no such file") from error
    except (tarfile.TarError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupUnusable(file, f"it is not a whole backup ({error})") from error


def _read_manifest(file: Path, archive: tarfile.TarFile) -> dict[str, Any]:
    member = archive.extractfile(_MANIFEST)
    manifest: dict[str, Any] = json.loads(member.read(_LARGEST_MANIFEST) if member else "")
    if manifest["format"] > FORMAT:
        raise BackupUnusable(file, f"a newer pypitool made it ({manifest['pypitool']})")
    missing = {CATALOGUE, FACTS} - manifest["files"].keys()
    if missing or manifest["files"].keys() - set(NAMES):
        raise BackupUnusable(file, "its manifest does not name the files of a state")
    return manifest


def _unpack_one(
    file: Path, archive: tarfile.TarFile, name: str, expected: dict[str, Any], folder: Path
) -> None:
    member = archive.extractfile(name)
    if member is None:
        raise BackupUnusable(file, f"`{name}` in it is not a file")
    target = folder / name
    with member, target.open("wb") as copy:
        shutil.copyfileobj(member, copy, 1024 * 1024)
        copy.flush()
        os.fsync(copy.fileno())
    if target.stat().st_size != expected["size"] or _sha256(target) != expected["sha256"]:
        raise BackupUnusable(file, f"`{name}` in it is damaged")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()
