"""The plan of an upload: what becomes of each file, by what the index has, and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import ClassVar, Literal, Protocol, TypeVar

from packaging.utils import NormalizedName

from pypitool.core.errors import EXIT_CODES, EXIT_INTERRUPTED, EXIT_PARTIAL, Kind
from pypitool.core.event_document import IF_KNOWN, NEVER

Outcome = Literal["uploaded", "replaced", "kept", "failed", "conflict"]
Action = Literal["send", "keep", "conflict"]
FAILURES = ("failed", "conflict")


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """A file is dealt with."""

    type: ClassVar[str] = "file"
    name: str
    project: NormalizedName
    version: str
    outcome: Outcome
    sha256: str
    bytes: int
    kind: Kind | None = field(default=None, metadata=IF_KNOWN)
    message: str | None = field(default=None, metadata=IF_KNOWN)
    hint: str | None = field(default=None, metadata=NEVER)  # what would mend it, said once at the end


@dataclass(frozen=True, slots=True)
class UploadPlanned:
    """What a real run would do with a file."""

    type: ClassVar[str] = "plan"
    action: Action
    name: str


@dataclass(frozen=True, slots=True)
class UploadTally:
    """What an upload has done so far."""

    uploaded: int = 0
    kept: int = 0
    failed: int = 0
    bytes: int = 0
    kinds: frozenset[Kind] = frozenset()  # of what failed
    hints: frozenset[str] = frozenset()

    def after(self, event: UploadEvent | UploadPlanned) -> UploadTally:
        """Count one more event."""
        if isinstance(event, UploadPlanned):
            return self
        if event.outcome in FAILURES:
            kinds = self.kinds | {event.kind or Kind.INTERNAL}
            hints = self.hints if event.hint is None else self.hints | {event.hint}
            return replace(self, failed=self.failed + 1, kinds=kinds, hints=hints)
        if event.outcome == "kept":
            return replace(self, kept=self.kept + 1)
        return replace(self, uploaded=self.uploaded + 1, bytes=self.bytes + event.bytes)

    @property
    def exit_code(self) -> int:
        """0; where nothing was done and everything failed alike, the code of that; else partial."""
        codes = {EXIT_CODES[kind] for kind in self.kinds}
        if not codes:
            return 0
        return codes.pop() if len(codes) == 1 and not (self.uploaded or self.kept) else EXIT_PARTIAL


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """The last line of an upload."""

    tally: UploadTally
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return EXIT_INTERRUPTED if self.interrupted else self.tally.exit_code

    @property
    def outcome(self) -> str:
        """How it ended, in one word."""
        if self.interrupted:
            return "interrupted"
        return {0: "ok", EXIT_PARTIAL: "partial"}.get(self.tally.exit_code, "failed")

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {
            "type": "summary",
            "command": "upload",
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "uploaded": self.tally.uploaded,
            "kept": self.tally.kept,
            "failed": self.tally.failed,
            "bytes": self.tally.bytes,
            "seconds": round(self.seconds, 3),
        }


# From the strongest that every index gives to those that few do.
STRONG = ("sha256", "sha384", "sha512")


class Presence(str, Enum):
    """How a file here stands to the one of the same name there."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"  # the index gives no hash: the file itself has to be looked at


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file as the page of an index lists it; hashes by their name, in lower-case hex."""

    url: str
    hashes: Mapping[str, str]

    @property
    def digest(self) -> tuple[str, str] | None:
        """The hash to compare with, and its name."""
        return next(((name, self.hashes[name]) for name in STRONG if name in self.hashes), None)


def presence_of(listed: IndexedFile | None, digest_of: Callable[[str], str]) -> Presence:
    """Compare a file here, which `digest_of` hashes by the name of a hash, with what the index lists."""
    if listed is None:
        return Presence.ABSENT
    if listed.digest is None:
        return Presence.UNKNOWN
    name, there = listed.digest
    return Presence.SAME if digest_of(name) == there else Presence.OTHER


class _OfProject(Protocol):
    @property
    def project(self) -> NormalizedName: ...


F = TypeVar("F", bound=_OfProject)


def rounds(files: Sequence[F]) -> Iterable[tuple[F, tuple[F, ...]]]:
    """Yield the first file of each project, and those that wait for it: it may be what makes the project."""
    grouped: dict[NormalizedName, list[F]] = {}
    for file in files:
        grouped.setdefault(file.project, []).append(file)
    return ((first, tuple(others)) for first, *others in grouped.values())
