"""What an upload says while it works and at its end: values that the screen and `--json` share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from packaging.utils import NormalizedName

from pypitool.core.errors import EXIT_CODES, EXIT_INTERRUPTED, EXIT_PARTIAL, Kind

Outcome = Literal["uploaded", "replaced", "kept", "failed", "conflict"]
Action = Literal["send", "keep", "conflict"]
FAILURES = ("failed", "conflict")


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """A file is dealt with."""

    name: str
    project: NormalizedName
    version: str
    outcome: Outcome
    sha256: str
    bytes: int
    kind: Kind | None = None
    message: str | None = None

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        line: dict[str, object] = {
            "type": "file",
            "name": self.name,
            "project": self.project,
            "version": self.version,
            "outcome": self.outcome,
            "sha256": self.sha256,
            "bytes": self.bytes,
        }
        if self.kind is not None:
            line |= {"kind": self.kind.value, "message": self.message}
        return line


@dataclass(frozen=True, slots=True)
class UploadPlanned:
    """What a real run would do with a file."""

    action: Action
    name: str

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {"type": "plan", "action": self.action, "name": self.name}


@dataclass(frozen=True, slots=True)
class UploadTally:
    """What an upload has done so far."""

    uploaded: int = 0
    kept: int = 0
    failed: int = 0
    bytes: int = 0
    kinds: frozenset[Kind] = frozenset()  # of what failed

    def after(self, event: UploadEvent | UploadPlanned) -> UploadTally:
        """Count one more event."""
        if isinstance(event, UploadPlanned):
            return self
        if event.outcome in FAILURES:
            kinds = self.kinds | {event.kind or Kind.INTERNAL}
            return replace(self, failed=self.failed + 1, kinds=kinds)
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
