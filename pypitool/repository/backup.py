"""A backup: one tar file with the catalogue, the activity and the log of facts.

It is taken and restored while the server runs. A manifest in it proves that all of it is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pypitool import __version__
from pypitool.archives.plain_tar import OddMember, open_plain_tar
from pypitool.catalogue.database import connect, copy_pages, locked_alone, locked_shared
from pypitool.catalogue.errors import CatalogueDamaged, CatalogueMissing, translate
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import begin_new_history, last_serial, make_current
from pypitool.core.errors import Kind, NoSpace, PypitoolError, of_the_machine
from pypitool.core.json_text import parse_json
from pypitool.core.limits import BACKUP_MANIFEST, BACKUP_MEMBERS
from pypitool.core.state_files import StateFiles
from pypitool.core.text import parse_timestamp, printable, timestamp
from pypitool.host import open_to_read, sync_directory
from pypitool.repository.unfinished_restore import finish_restore, put_all_in_place, scratch_folder

FORMAT = 1
_MANIFEST = "manifest.json"


class BackupUnwritable(PypitoolError):
    """The backup, or what was restored from one, cannot be written."""

    kind = Kind.INTERNAL
    sentence = "cannot write to {path}: {reason}"
    hint = "check the owner and the permissions of the directory"
    path: Path
    reason: str


class BackupUnusable(PypitoolError):
    """The file is not a whole backup."""

    kind = Kind.INVALID
    sentence = "{file} cannot be restored: {reason}"
    hint = "nothing was changed"
    file: Path
    reason: str


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds."""

    created: str
    projects: int
    files: int
    bytes: int


def backup(state: Path, file: Path) -> BackedUp:
    """Write a backup of a state directory, or nothing; the server may go on."""
    files = StateFiles(state)
    created = timestamp(time.time())
    with _reporting(file.parent), scratch_folder(file.parent) as folder:
        copies = StateFiles(folder)
        _snapshot(files.catalogue, copies.catalogue)
        # It may be lost, so it may be missing or damaged.
        with suppress(CatalogueDamaged, CatalogueMissing):
            _snapshot(files.activity, copies.activity)
        # Last: what the facts have more than the catalogue is replayed into it.
        _copy_facts(FactLog(files.facts), copies.facts)
        counts = _counts(copies.catalogue)
        pack(folder, created, folder / "backup.tar")
        (folder / "backup.tar").replace(file)
        sync_directory(file.parent)
    return BackedUp(created, *counts, file.stat().st_size)


def restore(file: Path, state: Path) -> BackedUp:
    """Bring a state directory back to what a backup holds, all or nothing; the server may go on.

    The log of facts that was there is kept beside. The directories are to be scanned afterwards.
    """
    files = StateFiles(state)
    with _reporting(state):
        finish_restore(files)
    with _reporting(state), scratch_folder(state) as folder:
        created = unpack(file, folder)
        catalogue = StateFiles(folder).catalogue
        try:
            make_current(catalogue, FactLog(StateFiles(folder).facts))
        except (CatalogueDamaged, CatalogueMissing) as error:
            raise BackupUnusable(file, error.detail) from error
        counts = _counts(catalogue)
        # Nobody appends, opens or writes until all is in place. The log before the catalogue, as everywhere.
        with FactLog(files.facts).locked(), locked_alone(files.catalogue):
            with _naming(catalogue):
                begin_new_history(catalogue, after=last_serial(files.catalogue))
            put_all_in_place(folder, files)
    return BackedUp(created, *counts, file.stat().st_size)


def _snapshot(database: Path, copy: Path) -> None:
    if not database.exists():
        raise CatalogueMissing(database, "the file is missing")
    with (
        _naming(copy),
        locked_shared(database),
        closing(sqlite3.connect(copy)) as target,
    ):
        copy_pages(database, target)


def _copy_facts(facts: FactLog, copy: Path) -> None:
    with facts.locked() as size:
        pass  # no line is half written now; what follows may be
    with open_to_read(facts.path) as source, copy.open("wb") as target:
        remaining = size
        while remaining and (piece := source.read(min(remaining, 1024 * 1024))):
            target.write(piece)
            remaining -= len(piece)


def _counts(catalogue: Path) -> tuple[int, int]:
    with _naming(catalogue), closing(connect(catalogue)) as connection:
        (projects,) = connection.execute("SELECT count(*) FROM project WHERE listed").fetchone()
        (files,) = connection.execute("SELECT count(*) FROM file").fetchone()
    return projects, files


@contextmanager
def _reporting(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        known = of_the_machine(error, str(directory))
        raise known or BackupUnwritable(directory, error.strerror or str(error)) from error


@contextmanager
def _naming(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, database) from error


def pack(folder: Path, created: str, target: Path) -> None:
    """Write the files of a folder into a new, durable backup that only its owner may read."""
    parts = [part for part in _parts(folder) if part.exists()]
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


def _parts(folder: Path) -> tuple[Path, Path, Path]:
    files = StateFiles(folder)
    return files.catalogue, files.activity, files.facts


def unpack(file: Path, folder: Path) -> str:
    """Write the files of a whole backup into a folder, and return when it was made."""
    try:
        with open_plain_tar(file, "r") as archive:
            members = _members(file, archive)
            created, parts = _read_manifest(file, archive, members)
            if sum(part.size for part in parts) > shutil.disk_usage(folder).free:
                raise NoSpace(str(folder))
            for part in parts:
                _unpack_one(file, archive, members, part, folder)
            return created
    except FileNotFoundError as error:
        raise BackupUnusable(file, "there is no such file") from error
    except OddMember as error:
        raise BackupUnusable(file, str(error)) from error
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise BackupUnusable(file, f"it is not a whole backup ({error})") from error


@dataclass(frozen=True, slots=True)
class _Part:
    """What the manifest says of one file."""

    name: str
    size: int
    sha256: str


def _members(file: Path, archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    members: dict[str, tarfile.TarInfo] = {}
    while (member := archive.next()) is not None:
        if member.name in members or len(members) == BACKUP_MEMBERS.most:
            raise BackupUnusable(file, "it holds other files than those of a state")
        members[member.name] = member
    return members


def _read_manifest(
    file: Path, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo]
) -> tuple[str, list[_Part]]:
    body = archive.extractfile(members[_MANIFEST]) if _MANIFEST in members else None
    manifest = parse_json(body.read(BACKUP_MANIFEST.most) if body else b"")
    if not isinstance(manifest, dict):
        raise ValueError("its manifest is no object")
    form, created, files = manifest.get("format"), manifest.get("created"), manifest.get("files")
    if type(form) is int and form > FORMAT:
        raise BackupUnusable(file, f"a newer pypitool made it ({printable(str(manifest.get('pypitool')))})")
    if form != FORMAT or not isinstance(created, str) or not isinstance(files, dict):
        raise ValueError("its manifest lacks what a manifest has")
    catalogue, activity, facts = (part.name for part in _parts(file.parent))
    if not {catalogue, facts} <= files.keys() <= {catalogue, activity, facts}:
        raise BackupUnusable(file, "its manifest does not name the files of a state")
    return timestamp(parse_timestamp(created)), [_part(name, said) for name, said in files.items()]


def _part(name: str, said: object) -> _Part:
    size, sha256 = (said.get("size"), said.get("sha256")) if isinstance(said, dict) else (None, None)
    if type(size) is not int or size < 0 or not isinstance(sha256, str):
        raise ValueError(f"its manifest does not say what `{name}` is")
    return _Part(name, size, sha256)


def _unpack_one(
    file: Path, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], part: _Part, folder: Path
) -> None:
    member = members.get(part.name)
    body = archive.extractfile(member) if member is not None else None
    if member is None or body is None:
        raise BackupUnusable(file, f"`{part.name}` is missing in it")
    if member.size != part.size:  # before it is written out
        raise BackupUnusable(file, f"`{part.name}` in it is damaged")
    target = folder / part.name
    with body, target.open("wb") as copy:
        shutil.copyfileobj(body, copy, 1024 * 1024)
        copy.flush()
        os.fsync(copy.fileno())
    if _sha256(target) != part.sha256:
        raise BackupUnusable(file, f"`{part.name}` in it is damaged")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()
