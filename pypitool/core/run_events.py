"""What a run says while it works and at its end: values that the screen, `--json` and the record share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pypitool.core.errors import EXIT_CODES, EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_UPDATE_OFFERED, Kind
from pypitool.core.update_event import UpdateEvent, WrittenEvent

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

FileOutcome = Literal["fetched", "kept", "failed", "conflict", "deleted"]
PlanAction = Literal["get", "keep", "conflict", "delete"]


@dataclass(frozen=True, slots=True)
class FileEvent:
    """A wanted file is dealt with."""

    name: str
    project: NormalizedName
    version: str
    outcome: FileOutcome
    bytes: int = 0
    sha256: str | None = None
    targets: tuple[str, ...] = ()
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
            "bytes": self.bytes,
            "sha256": self.sha256,
            "targets": list(self.targets),
        }
        if self.kind is not None:
            line |= {"kind": self.kind.value, "message": self.message}
        return line


@dataclass(frozen=True, slots=True)
class ProjectEvent:
    """A whole project failed; the others go on."""

    project: NormalizedName
    kind: Kind
    message: str

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {
            "type": "project",
            "project": self.project,
            "outcome": "failed",
            "kind": self.kind.value,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class HoleEvent:
    """Something that a target needs is not on disk."""

    set: str
    target: str
    requirement: str
    required_by: str
    reason: str

    def __str__(self) -> str:
        return f"hole: {self.set} {self.target}: {self.requirement} (needed by {self.required_by})"

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {
            "type": "hole",
            "set": self.set,
            "target": self.target,
            "requirement": self.requirement,
            "required_by": self.required_by,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class WarningEvent:
    """Something that someone should know, and that stops nothing."""

    message: str
    project: NormalizedName | None = None
    yanked: str | None = None

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        line: dict[str, object] = {"type": "warning", "project": self.project, "message": self.message}
        if self.yanked is not None:
            line["yanked"] = self.yanked
        return line


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """What a real run would do with a file."""

    action: PlanAction
    name: str
    project: NormalizedName
    version: str
    bytes: int | None = None
    targets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {
            "type": "plan",
            "action": self.action,
            "name": self.name,
            "project": self.project,
            "version": self.version,
            "bytes": self.bytes,
            "targets": list(self.targets),
        }


@dataclass(frozen=True, slots=True)
class DifferenceEvent:
    """Something here is not, or no longer, as the catalogue or an upstream says; of a file or a project."""

    project: NormalizedName
    kind: Kind
    message: str
    name: str | None = None  # None: the whole project
    version: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        return f"{self.path or self.name or self.project}: {self.message}"

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        if self.name is None:
            return ProjectEvent(self.project, self.kind, self.message).as_json()
        return {
            "type": "file",
            "name": self.name,
            "path": self.path,
            "project": self.project,
            "version": self.version,
            "outcome": "failed",
            "kind": self.kind.value,
            "message": self.message,
        }


Event = (
    FileEvent
    | ProjectEvent
    | HoleEvent
    | WarningEvent
    | PlanEvent
    | DifferenceEvent
    | UpdateEvent
    | WrittenEvent
)


class RunOutcome(str, Enum):
    """How a run ended, in one word."""

    OK = "ok"
    HOLES = "holes"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run has done so far."""

    fetched: int = 0
    kept: int = 0
    failed: int = 0
    holes: int = 0
    bytes: int = 0
    failed_projects: int = 0
    files: int = 0  # that `verify` read
    differences: int = 0  # that it found; nothing failed
    offered: int = 0  # by `update`
    deleted: int = 0  # by `prune`

    def after(self, event: Event) -> Tally:
        """Count one more event."""
        if isinstance(event, HoleEvent):
            return replace(self, holes=self.holes + 1)
        if isinstance(event, ProjectEvent):
            return replace(self, failed=self.failed + 1, failed_projects=self.failed_projects + 1)
        if isinstance(event, FileEvent):
            return self._after_file(event)
        if isinstance(event, DifferenceEvent):
            return replace(self, differences=self.differences + 1)
        if isinstance(event, UpdateEvent) and event.new is not None:
            return replace(self, offered=self.offered + 1)
        return self

    def _after_file(self, event: FileEvent) -> Tally:
        if event.outcome == "fetched":
            return replace(self, fetched=self.fetched + 1, bytes=self.bytes + event.bytes)
        if event.outcome == "kept":
            return replace(self, kept=self.kept + 1)
        if event.outcome == "deleted":
            return replace(self, deleted=self.deleted + 1, bytes=self.bytes + event.bytes)
        return replace(self, failed=self.failed + 1)


@dataclass(frozen=True, slots=True)
class Ending:
    """What decides the exit code besides the tally."""

    interrupted: bool = False
    unreachable: bool = False  # no upstream answered at all
    update_offered: bool = False  # and --exit-code was given
    dry_run: bool = False
    files: int = 0  # that were read again ...
    bytes: int = 0  # ... and how much that was
    error: Kind | None = None  # it stopped before it began


@dataclass(frozen=True, slots=True)
class Summary:
    """The last line of a run, and its row in the record."""

    command: str
    exit_code: int
    outcome: RunOutcome
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    requests: int = 0
    run: int | None = None

    def as_json(self) -> Mapping[str, object]:
        """The line that --json prints."""
        return {
            "type": "summary",
            "command": self.command,
            "run": self.run,
            "outcome": self.outcome.value,
            "exit_code": self.exit_code,
            "fetched": self.tally.fetched,
            "kept": self.tally.kept,
            "failed": self.tally.failed + self.tally.differences,
            "holes": self.tally.holes,
            "bytes": self.tally.bytes,
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            **self._own(),
        }

    def _own(self) -> dict[str, int]:
        own = {
            "update": ("offered", self.tally.offered),
            "prune": ("deleted", self.tally.deleted),
            "verify": ("files", self.tally.files),
        }
        return dict([own[self.command]]) if self.command in own else {}


def summary_of(line: Mapping[str, Any]) -> Summary:
    """Read what `Summary.as_json` wrote."""
    return Summary(
        command=line["command"],
        exit_code=line["exit_code"],
        outcome=RunOutcome(line["outcome"]),
        tally=Tally(line["fetched"], line["kept"], line["failed"], line["holes"], line["bytes"]),
        seconds=line["seconds"],
        requests=line["requests"],
        run=line["run"],
    )


def run_exit_code(tally: Tally, ending: Ending) -> int:
    """Choose the exit code of a run that started: the first that applies."""
    if ending.interrupted:
        return EXIT_INTERRUPTED
    if ending.error is not None:
        return EXIT_CODES[ending.error]
    if ending.dry_run:
        return 0
    if ending.unreachable:
        return 7
    if tally.failed:
        return EXIT_PARTIAL
    if tally.holes or tally.differences:
        return 1
    return EXIT_UPDATE_OFFERED if ending.update_offered else 0


def run_outcome(tally: Tally, ending: Ending) -> RunOutcome:
    """Say in one word how a run ended."""
    if ending.interrupted:
        return RunOutcome.INTERRUPTED
    if ending.unreachable or ending.error is not None:
        return RunOutcome.FAILED
    if tally.failed:
        return RunOutcome.PARTIAL
    if tally.differences:
        return RunOutcome.FAILED
    return RunOutcome.HOLES if tally.holes else RunOutcome.OK
