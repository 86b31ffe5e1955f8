"""What a run says while it works and at its end: values that the screen, `--json` and the record share.

What `update` says of one project: a line for people, or one of `--json`.

What an index's legacy JSON says of the vulnerabilities of one release; strangers write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pypitool.core.errors import Kind

if TYPE_CHECKING:
    from packaging.utils import NormalizedName


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A newer release that is not offered, and why; of a private project nobody knows any."""

    version: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found out about the vulnerabilities of the release that we have; None: nothing."""

    vulnerabilities: tuple[Vulnerability, ...] | None


@dataclass(frozen=True, slots=True)
class UpdateEvent:
    """A project was looked at."""

    project: NormalizedName
    have: str
    new: str | None = None  # None: nothing is offered
    uploaded: str | None = None
    held: tuple[HeldVersion, ...] = ()
    audit: Audit | None = None  # None: nobody asked

    def lines(self) -> Iterator[str]:
        """Yield what people read."""
        if self.new is not None:
            yield f"{self.project} {self.have} -> {self.new}"
        for one in self.held:
            yield f"held {' '.join(filter(None, (self.project, one.version)))}: {one.reason}"
        for vulnerability in (self.audit.vulnerabilities if self.audit else None) or ():
            yield f"vulnerable {self.project} {self.have}: {vulnerability}"

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        line: dict[str, object] = {
            "type": "update",
            "project": self.project,
            "have": self.have,
            "new": self.new,
            "uploaded": self.uploaded,
            "held": [{"version": one.version, "reason": one.reason} for one in self.held],
        }
        if self.audit is not None:
            found = self.audit.vulnerabilities
            line["vulnerabilities"] = None if found is None else [one.as_json() for one in found]
        return line


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """Pins of a requirements file were rewritten."""

    file: str
    projects: tuple[NormalizedName, ...]

    def as_json(self) -> dict[str, object]:
        """The line that --json prints."""
        return {"type": "written", "file": self.file, "projects": list(self.projects)}


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


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of a release."""

    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    summary: str | None = None
    link: str | None = None

    def __str__(self) -> str:
        names = ", ".join((self.id, *self.aliases))
        return f"{names} (fixed in {', '.join(self.fixed_in)})" if self.fixed_in else names

    def as_json(self) -> dict[str, object]:
        """Return its fields."""
        return asdict(self)


def vulnerabilities_of(document: object) -> tuple[Vulnerability, ...] | None:
    """Read them from the document of a release; None: it does not say."""
    entries = document.get("vulnerabilities") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return None
    return tuple(_read(entries))


def _read(entries: list[Any]) -> Iterator[Vulnerability]:
    for entry in entries:
        # OSV: "a non-null `withdrawn` means that the entry is considered never to have been".
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str) and not entry.get("withdrawn"):
            yield Vulnerability(
                entry["id"],
                _texts(entry.get("aliases")),
                _texts(entry.get("fixed_in")),
                _text(entry.get("summary")),
                _text(entry.get("link")),
            )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
