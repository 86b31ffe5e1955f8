"""A plan, carried out: whose files are and since when is recorded, and devpi's files are published.

The same again changes nothing: what is held is passed over, and what is recorded is not recorded twice.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pypitool.archives.archive import read_archive
from pypitool.catalogue.facts import local_actor
from pypitool.catalogue.replay import replay_missed
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Fact, What
from pypitool.core.filenames import parse
from pypitool.core.guard import Guard
from pypitool.core.model import HeldFile, Origin, OriginKind
from pypitool.core.moving.move_plan import FileToMove, KnownFile, MovePlan
from pypitool.core.state_files import HiddenFiles
from pypitool.host import folder_of_files
from pypitool.repository.publish import Incoming, Outcome, publish
from pypitool.repository.read_file import contents_of, read_digests
from pypitool.repository.repository import Repository
from pypitool.store.temporary import TemporaryFile

_AT_ONCE = 5000  # facts
_PIECE = 1024**2
_LINK = ".moving"


class OtherThanExported(PypitoolError):
    """A file of an export has other bytes than its index says."""

    kind = Kind.INVALID
    sentence = "{name} has other bytes than the export says"
    name: str


@dataclass(frozen=True, slots=True)
class MovedFile:
    """What became of one file: `moved`, `kept` or `failed`."""

    name: str
    outcome: str
    message: str | None = None


def record_mirrored(repository: Repository, plan: MovePlan) -> int:
    """Record of the files that lie there that they were mirrored, and since when they exist; say of how many.

    What people have uploaded since, or a run has fetched, stays what it is.
    """
    known = {one.filename: one for one in plan.known}
    origin = Origin(OriginKind.MIRRORED, plan.mirrored_from or "")
    held = (file for file in repository.catalogue.files() if file.origin.kind is OriginKind.COPIED)
    facts = (fact for file in held if (fact := _mirrored(file, known, origin)) is not None)
    return _record(repository, list(facts))


def _mirrored(file: HeldFile, known: Mapping[str, KnownFile], origin: Origin) -> Fact | None:
    """Return the fact of a file, if it is the one that is known; where no JSON lies, all were mirrored."""
    one = known.get(file.filename)
    if known and (one is None or one.sha256 != file.contents.digests.sha256):
        return None
    one = one or KnownFile(file.filename, "")
    return _arrival(file, origin, one.upload_time or file.upload_time, one.yanked)


def _arrival(file: HeldFile, origin: Origin, upload_time: str, yanked: str | None = None) -> Fact:
    return Fact(
        What.UPLOAD,
        local_actor(),
        project=file.project,
        version=file.version,
        filename=file.filename,
        sha256=file.contents.digests.sha256,
        upload_time=upload_time,
        origin=origin,
        yanked=yanked,
    )


def _record(repository: Repository, facts: list[Fact]) -> int:
    for begin in range(0, len(facts), _AT_ONCE):
        repository.facts.append(*facts[begin : begin + _AT_ONCE])
    replay_missed(repository.catalogue, repository.facts)
    return len(facts)


def move_files(repository: Repository, plan: MovePlan, export: Path) -> Iterator[MovedFile]:
    """Publish the files of an export, linked or copied, and say of each what became of it."""
    _sweep(repository)
    for one in plan.moved:
        yield Guard.run(lambda one=one: _move(repository, one, export), _failed(one))  # type: ignore[misc]


def _failed(one: FileToMove) -> Callable[[PypitoolError], MovedFile]:
    return lambda error: MovedFile(one.filename, "failed", str(error))


def _move(repository: Repository, one: FileToMove, export: Path) -> MovedFile:
    held = _held(repository, one)
    if held is None:
        with _temporary(repository, export / one.relpath) as temporary:
            published = publish(repository, temporary, _incoming(temporary, one), actor=local_actor())
        if published.outcome is not Outcome.UNCHANGED:
            return MovedFile(one.filename, "moved")
        held = published.file
    if held.origin.kind is OriginKind.COPIED:  # somebody copied it in before
        _record(repository, [_arrival(held, _origin(one), one.upload_time or held.upload_time)])
    return MovedFile(one.filename, "kept")


def _held(repository: Repository, one: FileToMove) -> HeldFile | None:
    """Return the file if it is here already, without reading it again."""
    held = repository.catalogue.held_under(parse(one.filename).release_key)
    is_it = held is not None and one.sha256 == held.contents.digests.sha256
    return (
        held if is_it and held is not None and repository.catalogue.held_at(held.location) == held else None
    )


def _origin(one: FileToMove) -> Origin:
    return Origin(OriginKind.UPLOADED, f"user:{one.uploader}" if one.uploader else "anonymous")


def _incoming(temporary: TemporaryFile, one: FileToMove) -> Incoming:
    distribution = parse(one.filename)
    facts = read_archive(temporary.descriptor, distribution)
    digests = read_digests(temporary.descriptor)
    if one.sha256 is not None and digests.sha256 != one.sha256:
        raise OtherThanExported(one.filename)
    return Incoming(
        distribution=distribution,
        contents=contents_of(facts, digests),
        origin=_origin(one),
        metadata_body=facts.metadata_body,
        upload_time=one.upload_time,
    )


def _temporary(repository: Repository, source: Path) -> TemporaryFile:
    """Return a second name of a file, or a copy of it where it can have none in the packages."""
    name = f"{secrets.token_hex(8)}{_LINK}"
    partial = HiddenFiles(repository.roots[0]).partial
    try:
        with folder_of_files(partial) as folder:
            os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
        return repository.store.adopt(partial / name)
    except (OSError, PypitoolError):
        with suppress(OSError):
            (partial / name).unlink()
        return _copied(repository, source)


def _sweep(repository: Repository) -> None:
    """Remove the second names that a killed move has left; who moves beside us copies that file then."""
    for link in HiddenFiles(repository.roots[0]).partial.glob(f"*{_LINK}"):
        link.unlink(missing_ok=True)


def _copied(repository: Repository, source: Path) -> TemporaryFile:
    temporary = repository.store.temporary()
    try:
        with source.open("rb") as file:
            for piece in _pieces(file.read):
                temporary.write(piece)
        temporary.flush()
    except BaseException:
        temporary.close()
        raise
    return temporary


def _pieces(read: Callable[[int], bytes]) -> Iterable[bytes]:
    return iter(lambda: read(_PIECE), b"")
