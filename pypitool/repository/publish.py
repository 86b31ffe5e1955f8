"""Publishing a file: nobody sees it before it is whole, and a crash leaves nothing or all of it.

The order of the steps is the design: the bytes (fsync), the row `pending` (commit), the fact (fsync), the
name (link, fsync of the directory), the row `live` (commit). A writer that dies on the way is followed by
`recovery.settle`, which can tell from the names of the file how far it came.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum

from pypitool.catalogue.catalogue import Pending
from pypitool.catalogue.errors import ReleaseFileExists
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.filenames import SIGNATURE, Distribution
from pypitool.core.model import Contents, HeldFile, Location, Origin
from pypitool.core.scan_plan import Walked
from pypitool.core.text import timestamp
from pypitool.repository.contact import put_in_inbox
from pypitool.repository.recovery import Fate, Rollback, is_signed, remove_superseded, settle
from pypitool.repository.repository import Repository
from pypitool.repository.scan import look_at
from pypitool.store.failures import Occupied
from pypitool.store.temporary import TemporaryFile

# How long a writer waits for another one that publishes the same name: both have all their bytes by then,
# and only a few fsyncs are left to do.
_PATIENCE = 30.0
_LOOK_EVERY = 0.01


class Outcome(str, Enum):
    """What publishing came to."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole and checked file that waits for its name."""

    distribution: Distribution
    contents: Contents
    origin: Origin
    metadata_body: bytes | None = None
    upload_time: str | None = None  # None: now
    yanked: str | None = None  # what the upstream of a mirrored file says
    provenance: str | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome, and the file as it is held from now on."""

    outcome: Outcome
    file: HeldFile


def publish(
    repository: Repository,
    temporary: TemporaryFile,
    incoming: Incoming,
    *,
    actor: Actor,
    overwrite: bool = False,
) -> Published:
    """Give a temporary file its name and list it; when this returns, every worker shows it.

    Raise `ReleaseFileExists` (or `Occupied`, for a file that is not listed) when other bytes have the name.
    """
    temporary.seal()
    return _Publishing(repository, temporary, incoming, actor, overwrite).run()


@dataclass(frozen=True, slots=True)
class _Publishing:
    repository: Repository
    temporary: TemporaryFile
    incoming: Incoming
    actor: Actor
    overwrite: bool

    def run(self) -> Published:
        deadline = time.monotonic() + _PATIENCE
        file = self._wanted()
        while True:
            try:
                return self._held_already(file) or self._claim_and_complete(file)
            except ReleaseFileExists as error:
                if time.monotonic() >= deadline or not self._may_pass(error):
                    raise
            except Occupied:
                # Copied in a moment ago: once it is listed we can tell whether it has our bytes.
                if not look_at(self.repository, [file.location]).listed:
                    raise

    def _wanted(self) -> HeldFile:
        distribution = self.incoming.distribution
        path = "/".join(filter(None, (self.temporary.folder, distribution.filename)))
        return HeldFile(
            location=Location(self.temporary.location.root, path),
            project=distribution.project,
            version=distribution.version,
            kind=distribution.kind,
            release_key=distribution.release_key,
            stat=self.temporary.stat(),
            contents=self.incoming.contents,
            upload_time=self.incoming.upload_time or timestamp(time.time()),
            origin=self.incoming.origin,
            yanked=self.incoming.yanked,
            signed=self.incoming.signature is not None,
            provenance=self.incoming.provenance,
        )

    def _held_already(self, file: HeldFile) -> Published | None:
        held = self.repository.catalogue.held_under(file.release_key)
        if (
            held is None
            or held.contents.digests.sha256 != file.contents.digests.sha256
            or not self._is_true(held)
        ):
            return None
        is_live = self.repository.catalogue.held_at(held.location) == held
        return Published(Outcome.UNCHANGED, held) if is_live else None

    def _is_true(self, held: HeldFile) -> bool:
        """Tell whether the directory still has what the catalogue says."""
        found = self.repository.store.look(held.location)
        return isinstance(found, Walked) and found.stat == held.stat

    def _may_pass(self, error: ReleaseFileExists) -> bool:
        """Tell whether another try may end otherwise, after having done what can be done for it."""
        same = error.same_bytes
        if error.live:
            # The same bytes, listed since we looked; or a file that was removed by hand since.
            return same if self._is_true(error.held) else self._is_corrected(error.held)
        if self._fate_of(error.held) is not Fate.ALIVE:
            return True
        if not (same or self.overwrite):
            return False
        time.sleep(_LOOK_EVERY)
        return True

    def _is_corrected(self, held: HeldFile) -> bool:
        look_at(self.repository, [held.location])
        return self.repository.catalogue.held_at(held.location) != held

    def _fate_of(self, other: HeldFile) -> Fate:
        for pending in self.repository.catalogue.pending():
            if pending.file.location == other.location:
                return settle(self.repository, pending)
        return Fate.ENDED

    def _claim_and_complete(self, file: HeldFile) -> Published:
        pending = Pending(file, self.temporary.location.path)
        self.repository.catalogue.begin_publish(
            pending,
            self.incoming.metadata_body,
            overwrite=self.overwrite,
            reserve=self.repository.reserve_deleted,
        )
        rollback = Rollback(self.repository, file)
        try:
            return self._complete(file, rollback)
        except BaseException:
            rollback.run()
            raise

    def _complete(self, file: HeldFile, rollback: Rollback) -> Published:
        store = self.repository.store
        replaced = self._replaced(file)
        is_taken = store.look(file.location) is not None
        if is_taken and not self.overwrite:
            raise Occupied(file.location)
        rollback.recorded(timestamp(time.time()))
        self.repository.facts.append(self._fact(file, What.OVERWRITE if replaced else What.UPLOAD))
        self._place_signature(file, rollback)
        stat = store.place(self.temporary, file.location, overwrite=is_taken)
        rollback.placed(is_reversible=not is_taken)
        live = replace(file, stat=stat, signed=is_signed(store, file.location))
        superseded = self.repository.catalogue.finish_publish(live)
        if self.overwrite:
            remove_superseded(store, superseded)
        else:
            # Copied in after we had claimed the name: found again, and reported.
            put_in_inbox(self.repository.files, *superseded)
        return Published(Outcome.REPLACED if replaced else Outcome.CREATED, live)

    def _replaced(self, file: HeldFile) -> tuple[HeldFile, ...]:
        held = self.repository.catalogue.held(file.project) if self.overwrite else ()
        return tuple(other for other in held if other.release_key == file.release_key)

    def _fact(self, file: HeldFile, what: What) -> Fact:
        return Fact(
            what,
            self.actor,
            project=file.project,
            version=file.version,
            filename=file.filename,
            sha256=file.contents.digests.sha256,
            upload_time=file.upload_time,
            origin=file.origin,
            yanked=file.yanked,
        )

    def _place_signature(self, file: HeldFile, rollback: Rollback) -> None:
        place = Location(file.location.root, file.location.path + SIGNATURE)
        if self.incoming.signature is None:
            if self.overwrite:
                self.repository.store.remove(place)  # it signs other bytes
            return
        with self.repository.store.temporary(place.root, self.temporary.folder) as temporary:
            temporary.write(self.incoming.signature)
            temporary.seal()
            rollback.signed(place)
            self.repository.store.place(temporary, place, overwrite=True)
