"""What `update` says of one project: a line for people, or one of `--json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypitool.core.vulnerabilities import Vulnerability

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
