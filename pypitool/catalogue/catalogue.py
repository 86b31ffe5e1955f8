"""What we hold, as a seam: SQLite today, PostgreSQL later. One conformance suite runs over each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packaging.utils import NormalizedName

from pypitool.core.model import (
    Changes,
    FileStat,
    HeldFile,
    Location,
    Origin,
    Problem,
    Project,
    ProjectList,
    ProjectStatus,
)
from pypitool.core.rights.tokens import Token


@dataclass(frozen=True, slots=True)
class Known:
    """What a walk of the directories compares with: one file of the catalogue, by stat alone."""

    location: Location
    stat: FileStat
    signed: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """A file whose publishing has begun: its writer holds a lock on the temporary file."""

    file: HeldFile
    temporary: str  # path below the root of `file.location`


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """What a walk found: applied in one transaction, so that a page never shows half of it."""

    changed: Sequence[HeldFile] = ()  # new, or with another stat; origin and yank come from the facts
    gone: Sequence[Location] = ()
    problems: Sequence[Problem] = ()  # replace what was known of these locations
    solved: Sequence[Location] = ()


@dataclass(frozen=True, slots=True)
class FileFact:
    """What people decided about a filename, and files cannot tell; outlives the file."""

    filename: str
    project: NormalizedName
    sha256: str | None = None  # upload time and origin hold for these bytes only
    upload_time: str | None = None
    origin: Origin | None = None
    yanked: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion that is on record, and was not finished as far as anybody knows."""

    filename: str
    sha256: str
    places: tuple[Location, ...]  # where these bytes are listed under this name


@dataclass(frozen=True, slots=True)
class Decisions:
    """The outcome of a stretch of facts; what was undone or forgotten was so before the rest was decided."""

    # What did not come about after all: arrivals, and deletions of bytes under a filename.
    not_arrived: list[FileFact] = field(default_factory=list)
    not_deleted: set[tuple[str, str]] = field(default_factory=set)
    # Filenames of which all is gone that was ever deleted, for something arrived under them; and bytes under
    # a filename, None for all, of which the same is known.
    arrived: set[str] = field(default_factory=set)
    forgotten: set[tuple[str, str | None]] = field(default_factory=set)
    arrivals: dict[str, dict[str, FileFact]] = field(default_factory=dict)
    yanks: dict[str, FileFact] = field(default_factory=dict)
    # Bytes under a filename whose deletion is on record; whether it came about only a look can tell.
    deleted: set[tuple[str, str]] = field(default_factory=set)
    # The same for good, by release key: True, until it is known not to have come about.
    reserved: dict[tuple[str, str], bool] = field(default_factory=dict)
    statuses: dict[NormalizedName, tuple[ProjectStatus, str | None]] = field(default_factory=dict)
    owners: dict[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    # Names under which something was uploaded: True, until they are given up.
    uploaded: dict[NormalizedName, bool] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)  # by hash
    revoked: dict[str, str] = field(default_factory=dict)  # a hash, and since when


class Reader(Protocol):
    """What pages ask. Safe from any thread; never waits for a writer."""

    def stamp(self) -> object:
        """Return a token; another one than this process saw last means that something may have changed."""

    def look_again(self) -> None:
        """Notice at the next question where another catalogue has taken the place of this one."""

    def serial(self) -> int:
        """Return the number of the last change."""

    def changes_since(self, serial: int) -> Changes:
        """Return what changed after `serial`."""

    def project_names(self) -> tuple[NormalizedName, ...]:
        """Return the projects that hold at least one live file, sorted."""

    def project_list(self) -> ProjectList:
        """Return the same projects with their serials, and those that lost their last file."""

    def project(self, name: NormalizedName) -> Project | None:
        """Return a project with its live files (see `offered`), or None when it holds none."""

    def status(self, project: NormalizedName) -> tuple[ProjectStatus, str | None]:
        """Return the state of a project and its reason, also where no file of it is held (PEP 792)."""

    def projects_in(self, status: ProjectStatus) -> frozenset[NormalizedName]:
        """Return the projects that have this status."""

    def held(self, project: NormalizedName) -> tuple[HeldFile, ...]:
        """Return every live file of a project, those included that another of the same name hides."""

    def rivals(self, filenames: Sequence[str] | None = None) -> tuple[HeldFile, ...]:
        """Return the live files that share their filename with other bytes; of these names, or of all."""

    def file_at(self, path: str) -> HeldFile | None:
        """Return the live file at this path below the first root that has it.

        A filename alone is found in any folder, where the top of no root has it.
        """

    def held_at(self, location: Location) -> HeldFile | None:
        """Return the live file at exactly this place."""

    def knows(self, filename: str, sha256: str) -> bool:
        """Tell whether these bytes are live under this name, or came so and were not deleted since."""

    def is_reserved(self, release_key: str, filename: str, sha256: str) -> bool:
        """Tell whether other bytes were deleted under this name, and these are not known under it."""

    def files(self) -> Iterator[HeldFile]:
        """Iterate over every live file of every root, in order of root and path."""

    def metadata(self, sha256: str) -> bytes | None:
        """Return a METADATA body by its digest."""

    def problems(self) -> tuple[Problem, ...]:
        """Return the files that are not listed, and why."""

    def misnamed(self) -> tuple[HeldFile, ...]:
        """Return the files that are listed, and speak of another release than their name."""

    def counts(self) -> tuple[int, int]:
        """Return how many live projects and files there are."""

    def file_counts(self) -> dict[NormalizedName, int]:
        """Return how many live files each project has that has any."""

    def holds(self, project: NormalizedName) -> bool:
        """Tell whether a project has a live file."""

    def owners(self, project: NormalizedName) -> tuple[str, ...]:
        """Return who owns a project (`user:ann`), sorted, whether a file of it is held or not."""

    def owned(self, who: str) -> frozenset[NormalizedName]:
        """Return the projects that somebody owns."""

    def keeps(self, project: NormalizedName) -> bool:
        """Tell whether a name is ours whatever files are left: it has an owner, or was uploaded here once."""

    def kept_names(self) -> frozenset[NormalizedName]:
        """Return every name that `keeps` is true of."""

    def is_complete(self) -> bool:
        """Tell whether the directories were walked to their end since this catalogue began."""

    def rights_serial(self) -> int:
        """Return the number of the last change after which somebody may do less, or something else."""

    def token(self, hash: str) -> Token | None:
        """Return a token by its hash, one that has ended too."""

    def tokens(self) -> tuple[Token, ...]:
        """Return every token that is remembered, in the order in which they were made."""


class Catalogue(Reader, Protocol):
    """The reader's side and the writer's. Each writing call is one durable transaction."""

    def known(self, root: int, below: str = "") -> Iterator[Known]:
        """Iterate, in order of path, over the live files of one root, or below one folder of it."""

    def known_at(self, locations: Sequence[Location]) -> Iterator[Known]:
        """Iterate over the live files among these locations."""

    def apply_scan(self, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        """Record what a walk found; `bodies` are METADATA bodies with their digests.

        A location whose publishing is pending is left alone: its writer, or the keeper, ends that.
        """

    def begin_publish(
        self, pending: Pending, body: bytes | None, *, overwrite: bool, reserve: bool = False
    ) -> None:
        """Record a file as pending; raise `ReleaseFileExists` when a file has its release key already.

        With `overwrite` a live file may have it, and stays live until the pending one is finished; another
        pending one may not. With `reserve` a name `is_reserved` is refused: `NameReserved`.
        """

    def finish_publish(self, file: HeldFile) -> tuple[Location, ...]:
        """Turn a pending file live, with the stat that it has now, and record its origin as its fact.

        Other live files with its release key are superseded: forgotten in the same transaction, and
        returned. The caller removes them, or they are found again.
        """

    def abandon_publish(self, location: Location) -> None:
        """Forget a pending file."""

    def pending(self) -> tuple[Pending, ...]:
        """Return every publishing that has begun and not ended."""

    def held_under(self, release_key: str) -> HeldFile | None:
        """Return the live or pending file with this release key."""

    def decide(self, *facts: FileFact) -> None:
        """Replace what people decided about filenames, all of them at once."""

    def fact(self, filename: str) -> FileFact | None:
        """Return what people decided about a filename."""

    def set_status(self, project: NormalizedName, status: ProjectStatus, reason: str | None) -> None:
        """Record a project's status (PEP 792)."""

    def set_owners(self, project: NormalizedName, owners: Sequence[str]) -> None:
        """Replace the owners of a project."""

    def give_up_name(self, project: NormalizedName) -> None:
        """Forget that something was ever uploaded under a name."""

    def forget(self, locations: Sequence[Location]) -> None:
        """Remove files, and what was decided about their names where no other file bears them."""

    def deletions(self) -> tuple[Deletion, ...]:
        """Return the deletions that are on record, and of which nobody has looked yet what became of them."""

    def settle_deletion(self, filename: str, sha256: str) -> None:
        """End one: where its bytes are not held, what was decided about them is forgotten."""

    def set_complete(self, since: int) -> None:
        """Record that the directories were walked to their end: from now on what is absent is not held.

        `since` is the serial when the walk began; where another history has begun after it, a part of what
        was walked is recorded in the old one only, and nothing happens.
        """

    def add_token(self, token: Token) -> None:
        """Record a token; one that is known stays as it is, and none is ever forgotten for its age."""

    def revoke_token(self, hash: str, at: str) -> None:
        """Record that a token was revoked at a moment, unless it has been."""

    def facts_end(self) -> int:
        """Return up to which byte the log of facts is known to be replayed."""

    def replay(self, outcome: Decisions, facts_end: int) -> None:
        """Make decisions hold that the log of facts has up to the byte `facts_end`; see `replay_missed`."""

    def close(self) -> None:
        """Release every connection."""
