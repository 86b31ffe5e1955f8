"""The catalogue in one SQLite file: many readers that never wait, writers one after another."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.catalogue import FileFact, Pending, ScanBatch, token_rows, writing
from pypitool.catalogue.connections import Writer
from pypitool.catalogue.gathering import Gathering
from pypitool.catalogue.reading import SqliteReader
from pypitool.catalogue.replay import Decisions
from pypitool.core.model import HeldFile, Location, ProjectStatus
from pypitool.core.rights.tokens import Token


class SqliteCatalogue(SqliteReader):
    """Implements `pypitool.catalogue.Catalogue`."""

    def __init__(
        self, path: Path, *, reader_only: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(path, read_only=reader_only)
        self._writer = Writer(path)
        self._gathering = Gathering(self._writer)
        self._clock = clock

    @classmethod
    def open(cls, path: Path, *, reader_only: bool = False) -> SqliteCatalogue:
        """Open a sound catalogue of the current schema; `rebuild.open_catalogue` makes it so first."""
        return cls(path, reader_only=reader_only)

    def apply_scan(self, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        """Record what a walk found; `bodies` are METADATA bodies with their digests."""
        # Compressed before the transaction begins: other writers are not kept waiting for it.
        compressed = [(sha256, _compress(body)) for sha256, body in bodies]
        with self._writer.transaction() as connection:
            writing.apply_scan(connection, batch, compressed, self._clock())

    def begin_publish(self, pending: Pending, body: bytes | None, *, overwrite: bool) -> None:
        """Record a file as pending; raise `ReleaseFileExists` when a file has its release key already."""
        compressed = None if body is None else _compress(body)
        self._gathering.apply(
            lambda connection: writing.begin_publish(connection, pending, compressed, overwrite=overwrite)
        )

    def finish_publish(self, file: HeldFile) -> tuple[Location, ...]:
        """Turn a pending file live, with the stat that it has now; return which others it superseded."""
        return self._gathering.apply(
            lambda connection: writing.finish_publish(connection, file, self._clock())
        )

    def abandon_publish(self, location: Location) -> None:
        """Forget a pending file."""
        with self._writer.transaction() as connection:
            writing.abandon_publish(connection, location)

    def decide(self, *facts: FileFact) -> None:
        """Replace what people decided about filenames, all of them at once."""
        with self._writer.transaction() as connection:
            writing.decide(connection, facts, self._clock())

    def set_status(self, project: NormalizedName, status: ProjectStatus, reason: str | None) -> None:
        """Record a project's status (PEP 792)."""
        with self._writer.transaction() as connection:
            writing.set_status(connection, project, status, reason)

    def set_owners(self, project: NormalizedName, owners: Sequence[str]) -> None:
        """Replace the owners of a project."""
        with self._writer.transaction() as connection:
            writing.set_owners(connection, project, owners)

    def forget(self, locations: Sequence[Location]) -> None:
        """Remove files, and what was decided about their names where no other file bears them."""
        with self._writer.transaction() as connection:
            writing.forget(connection, locations)

    def set_complete(self, since: int) -> None:
        """Record that the directories were walked to their end, by a walk that began at serial `since`."""
        if not self.is_complete():
            with self._writer.transaction() as connection:
                writing.set_complete(connection, since)

    def add_token(self, token: Token) -> None:
        """Record a token; one that is known stays as it is."""
        with self._writer.transaction() as connection:
            token_rows.add(connection, token)

    def revoke_token(self, hash: str, at: str) -> None:
        """Record that a token was revoked at a moment, unless it has been."""
        with self._writer.transaction() as connection:
            token_rows.revoke(connection, hash, at)

    def forget_tokens(self, before: str, *, minted_before: str) -> None:
        """Forget the tokens that ended before a moment; of those that were minted there are many more."""
        with self._writer.transaction() as connection:
            token_rows.forget(connection, before, minted_before)

    def replay(self, outcome: Decisions, facts_end: int) -> None:
        """Make decisions hold that the log of facts has up to the byte `facts_end`."""
        with self._writer.transaction() as connection:
            writing.replay(connection, outcome, self._clock())
            connection.execute("UPDATE head SET facts_end = ?", (facts_end,))

    def close(self) -> None:
        """Release every connection."""
        super().close()
        self._writer.close()


def _compress(body: bytes) -> bytes:
    return zlib.compress(body, 3)
