"""What a writer that is gone had begun: its file is finished where it got its name, else removed.

A writer that is alive undoes by itself a publishing that fails. What is on record and did not come about is
said to be undone, by whoever finds it so.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from enum import Enum

from pypitool.archives.digest import digest_stream
from pypitool.catalogue.catalogue import Pending
from pypitool.catalogue.replay import replay_missed
from pypitool.core.errors import PypitoolError
from pypitool.core.fact import Fact, What
from pypitool.core.filenames import SIGNATURE
from pypitool.core.model import HeldFile, Location
from pypitool.core.scan_plan import Walked
from pypitool.core.text import timestamp
from pypitool.repository.contact import put_in_inbox
from pypitool.repository.repository import Repository
from pypitool.store.store import Store
from pypitool.store.temporary import Leftover


class Fate(Enum):
    """What became of a publishing that had begun."""

    ALIVE = "alive"  # its writer still has it
    ENDED = "ended"  # it ended while we looked
    FINISHED = "finished"  # its writer is gone, and the file has its name: it is live now
    ABANDONED = "abandoned"  # its writer is gone, and nothing is left


def settle(repository: Repository, pending: Pending) -> Fate:
    """End a publishing whose writer is gone; what the writer knew (who uploaded it) is kept."""
    leftover = repository.store.take_over(pending.temporary, pending.file.location)
    if leftover is None:
        return Fate.ALIVE
    with leftover:
        # The writer may have finished between our question and the lock.
        if all(other.temporary != pending.temporary for other in repository.catalogue.pending()):
            return Fate.ENDED
        if _was_placed(leftover, pending):
            _finish(repository, pending, leftover)
            return Fate.FINISHED
        _abandon(repository, pending, leftover)
        return Fate.ABANDONED


def settle_all(repository: Repository) -> dict[str, Fate]:
    """End every publishing whose writer is gone; return what became of each, by path."""
    return {
        pending.file.location.path: settle(repository, pending) for pending in repository.catalogue.pending()
    }


def settle_deletions(repository: Repository, *, everything_was_seen: bool) -> None:
    """End the deletions on record, after a walk: of those that did not come about it is said."""
    for deletion in repository.catalogue.deletions():
        # Looked at again: it may have been deleted since the walk came by.
        if any(repository.store.look(place) is not None for place in deletion.places):
            note_undone(repository, What.DELETE, deletion.filename, deletion.sha256)
        elif deletion.places or not everything_was_seen:
            continue
        repository.catalogue.settle_deletion(deletion.filename, deletion.sha256)


def note_undone(
    repository: Repository, what: What, filename: str, sha256: str, *, not_before: str = ""
) -> None:
    """Say of the last fact that these bytes were brought or deleted that it did not come about."""
    kinds = {What.DELETE} if what is What.DELETE else {What.UPLOAD, What.OVERWRITE}

    def is_it(fact: Fact) -> bool:
        about = fact.what, fact.filename, fact.sha256
        return about in {(kind, filename, sha256) for kind in kinds} and (fact.at or "") >= not_before

    if repository.facts.undo(is_it, sha256):
        replay_missed(repository.catalogue, repository.facts)


def remove_superseded(store: Store, others: Iterable[Location]) -> None:
    """Remove the files that a newly published one replaces under another name or in another place."""
    for other in others:
        # In a root that cannot be written it stays, hidden by the new one if it has the same name.
        with suppress(PypitoolError):
            store.remove(other)
            store.remove(Location(other.root, other.path + SIGNATURE))


def is_signed(store: Store, location: Location) -> bool:
    """Tell whether a signature lies beside a file."""
    found = store.look(location)
    return isinstance(found, Walked) and found.signed


def _was_placed(leftover: Leftover, pending: Pending) -> bool:
    placed = leftover.was_placed
    if placed is not None or leftover.named is None:
        return bool(placed)
    with open(leftover.named.descriptor, "rb", closefd=False) as file:
        return digest_stream(file).sha256 == pending.file.contents.digests.sha256


def _finish(repository: Repository, pending: Pending, leftover: Leftover) -> None:
    stat = leftover.finish()
    file = replace(pending.file, stat=stat, signed=is_signed(repository.store, pending.file.location))
    # Nobody can say any more whether they were to be replaced: they are found again, and reported.
    put_in_inbox(repository.files, *repository.catalogue.finish_publish(file))


def _abandon(repository: Repository, pending: Pending, leftover: Leftover) -> None:
    # First, for it is the pending row that tells of the fact. A file of this name and these bytes may have
    # come before: its fact is older than our bytes.
    began = timestamp(leftover.hidden.stat.mtime_ns / 1e9) if leftover.hidden is not None else ""
    file = pending.file
    note_undone(repository, What.UPLOAD, file.filename, file.contents.digests.sha256, not_before=began)
    leftover.discard()
    if pending.file.signed and leftover.named is None:
        place = pending.file.location
        repository.store.remove(Location(place.root, place.path + SIGNATURE))
    repository.catalogue.abandon_publish(pending.file.location)


class Rollback:
    """What has to be undone when a publishing fails."""

    def __init__(self, repository: Repository, file: HeldFile) -> None:
        self._repository = repository
        self._file = file
        self._to_remove: list[Location] = []
        self._is_reversible = True
        self._recorded_since: str | None = None

    def recorded(self, since: str) -> None:
        """Note that a fact is about to be written, at this moment or later."""
        self._recorded_since = since

    def signed(self, signature: Location) -> None:
        """Note that a signature is about to be placed."""
        self._to_remove.append(signature)

    def placed(self, *, is_reversible: bool) -> None:
        """Note that the file has its name; it cannot be taken back where it replaced another one."""
        self._to_remove.insert(0, self._file.location)
        self._is_reversible = is_reversible

    def run(self) -> None:
        """Undo it. What cannot be undone now (the disk is full) is the keeper's: our lock ends with us."""
        if not self._is_reversible:
            return
        with suppress(PypitoolError):
            for location in self._to_remove:
                self._repository.store.remove(location)
            if self._recorded_since is not None:
                sha256 = self._file.contents.digests.sha256
                since = self._recorded_since
                note_undone(self._repository, What.UPLOAD, self._file.filename, sha256, not_before=since)
            self._repository.catalogue.abandon_publish(self._file.location)
