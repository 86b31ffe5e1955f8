"""Bundles: one tar with files and everything that is known of them, for a network without any internet."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from packaging.utils import canonicalize_name

from pypitool.archives.archive import read_archive
from pypitool.archives.digest import Digester
from pypitool.archives.open_archive import BrokenArchive
from pypitool.archives.plain_tar import OddMember, open_plain_tar
from pypitool.catalogue.errors import NameReserved, ReleaseFileExists
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.filenames import parse
from pypitool.core.limits import BUNDLE_MANIFEST
from pypitool.core.mirror.bundle_manifest import FORMAT, BundleEntry, read_manifest
from pypitool.core.mirror.run_events import FileEvent, FileOutcome, WarningEvent
from pypitool.core.model import COPIED_IN, Digests, HeldFile, Origin, OriginKind
from pypitool.host import whole_file
from pypitool.repository.publish import Incoming, Outcome, publish
from pypitool.repository.read_file import contents_of
from pypitool.repository.repository import Repository
from pypitool.store.failures import Occupied
from pypitool.store.temporary import TemporaryFile

MANIFEST = "manifest.json"
_FILES = "files/"
_PIECE = 1024**2


class BadBundle(PypitoolError):
    """A bundle that is not whole, or not what it says; nothing of it was published."""

    kind = Kind.INVALID
    sentence = "{path} is not a usable bundle: {reason}"
    hint = "nothing was published; copy the bundle again, or export it anew"
    path: Path
    reason: str


def export_bundle(
    repository: Repository, path: Path, files: Sequence[HeldFile], report: Callable[[FileEvent], None]
) -> int:
    """Write a bundle of these files, all or nothing, and return its size."""
    manifest = {"format": FORMAT, "files": [asdict(_entry(file)) for file in files]}
    with (
        whole_file(path, lambda new: new.chmod(0o644)) as bundle,
        tarfile.open(fileobj=bundle, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        body = json.dumps(manifest, indent=1).encode()
        _add(tar, MANIFEST, len(body), io.BytesIO(body))
        for file in files:
            _add_file(repository, tar, file)
            report(_event(_entry(file), "kept"))
    return path.stat().st_size


def import_bundle(
    repository: Repository,
    path: Path,
    actor: Actor,
    report: Callable[[FileEvent | WarningEvent], None],
    *,
    uploaded: bool = False,
) -> None:
    """Verify everything in a bundle, and then publish it; what is here already stays.

    That files were uploaded is believed with `uploaded` alone: it makes their projects ours for good.
    """
    # Twice through the tar: a bundle of thousands of files must not hold thousands of them open.
    doubted = 0
    for temporary, entry, _ in _arrivals(repository, path):
        temporary.close()
        doubted += not uploaded and _says_uploaded(entry)
    if doubted:
        report(
            WarningEvent(f"{doubted} files that were uploaded elsewhere count as copied in; see --uploaded")
        )
    for temporary, entry, incoming in _arrivals(repository, path):
        if not uploaded and _says_uploaded(entry):
            incoming = replace(incoming, origin=COPIED_IN)
        with temporary:
            report(_published(repository, temporary, entry, incoming, actor))


def _says_uploaded(entry: BundleEntry) -> bool:
    return entry.origin["kind"] == OriginKind.UPLOADED.value


def _entry(file: HeldFile) -> BundleEntry:
    return BundleEntry(
        name=file.filename,
        project=file.project,
        version=file.version,
        size=file.stat.size,
        sha256=file.contents.digests.sha256,
        upload_time=file.upload_time,
        requires_python=file.contents.requires_python,
        yanked=file.yanked,
        origin={"kind": file.origin.kind.value, "detail": file.origin.detail},
        metadata_sha256=file.contents.metadata_sha256,
    )


def _add(tar: tarfile.TarFile, name: str, size: int, body: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    tar.addfile(member, body)


def _add_file(repository: Repository, tar: tarfile.TarFile, file: HeldFile) -> None:
    with repository.store.open(file.location) as opened, os.fdopen(os.dup(opened.descriptor), "rb") as body:
        _add(tar, _FILES + file.filename, opened.stat.size, body)


def _arrivals(repository: Repository, path: Path) -> Iterator[tuple[TemporaryFile, BundleEntry, Incoming]]:
    """Yield each file of a bundle; raise `BadBundle` at the first whose bytes are not right."""
    with _opened(path) as tar:
        expected = {_FILES + entry.name: entry for entry in _manifest(path, tar)}
        while (member := tar.next()) is not None:
            entry = expected.pop(member.name, None)
            if entry is None:
                raise BadBundle(path, f"it holds `{member.name}`, of which its manifest says nothing")
            yield _arrived(repository, path, tar, member, entry)
        if expected:
            raise BadBundle(path, f"`{next(iter(expected))}` is missing")


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with open_plain_tar(path) as tar:
            yield tar
    except OddMember as error:
        raise BadBundle(path, str(error)) from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadBundle(path, f"it is no whole tar file ({error})") from error


def _manifest(path: Path, tar: tarfile.TarFile) -> tuple[BundleEntry, ...]:
    member = tar.next()
    body = tar.extractfile(member) if member is not None and member.name == MANIFEST else None
    if member is None or body is None or member.size > BUNDLE_MANIFEST.most:
        raise BadBundle(path, f"it does not begin with {MANIFEST}")
    try:
        return read_manifest(body.read())
    except ValueError as error:
        raise BadBundle(path, str(error)) from error


def _arrived(
    repository: Repository, path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, entry: BundleEntry
) -> tuple[TemporaryFile, BundleEntry, Incoming]:
    temporary = repository.store.temporary()
    try:
        if member.size != entry.size:  # before it is written out
            raise BadBundle(path, f"`{entry.name}` has other bytes than its manifest says")
        digests = _copied(path, tar, member, temporary)
        if digests.sha256 != entry.sha256:
            raise BadBundle(path, f"`{entry.name}` has other bytes than its manifest says")
        temporary.seal()
        return temporary, entry, _incoming(path, entry, temporary, digests)
    except BaseException:
        temporary.close()
        raise


def _copied(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, temporary: TemporaryFile) -> Digests:
    digester, body = Digester(), tar.extractfile(member)
    if body is None:
        raise BadBundle(path, f"`{member.name}` is no file")
    while piece := body.read(_PIECE):
        digester.update(piece)
        temporary.write(piece)
    return digester.digests()


def _incoming(path: Path, entry: BundleEntry, temporary: TemporaryFile, digests: Digests) -> Incoming:
    distribution = parse(entry.name)
    try:
        facts = read_archive(temporary.file.fileno(), distribution, entry.size)
    except BrokenArchive as error:
        raise BadBundle(path, str(error)) from error
    return Incoming(
        distribution=distribution,
        contents=contents_of(facts, digests),
        origin=Origin(OriginKind(entry.origin["kind"]), entry.origin["detail"]),
        metadata_body=facts.metadata_body,
        upload_time=entry.upload_time,
        yanked=entry.yanked,
    )


def _published(
    repository: Repository, temporary: TemporaryFile, entry: BundleEntry, incoming: Incoming, actor: Actor
) -> FileEvent:
    try:
        outcome = publish(repository, temporary, incoming, actor=actor).outcome
    except (NameReserved, Occupied, ReleaseFileExists) as error:
        return _event(entry, "conflict", error)
    except PypitoolError as error:
        return _event(entry, "failed", error)
    return _event(entry, "kept" if outcome is Outcome.UNCHANGED else "fetched")


def _event(entry: BundleEntry, outcome: FileOutcome, error: PypitoolError | None = None) -> FileEvent:
    return FileEvent(
        name=entry.name,
        project=canonicalize_name(entry.project),
        version=entry.version,
        outcome=outcome,
        bytes=entry.size,
        sha256=entry.sha256,
        kind=None if error is None else error.kind,
        message=None if error is None else str(error),
    )


def files_for_bundle(
    files: Iterable[HeldFile], *, uploaded: bool, names: frozenset[str] | None
) -> list[HeldFile]:
    """Choose what goes into a bundle: not what people uploaded unless asked, and only these names if any."""
    chosen: dict[str, HeldFile] = {}
    for file in files:
        if file.origin.kind is OriginKind.UPLOADED and not uploaded:
            continue
        if names is None or file.filename in names:
            chosen.setdefault(file.filename, file)
    return list(chosen.values())
