"""What a run says while it works and at its end: values that the screen, `--json` and the record share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pypitool.core.errors import Kind
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
    unpinned: NormalizedName | None = None  # the project that a pin, or uv, would bring

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
