"""How a run went: what it did, counted, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from pypitool.core.errors import EXIT_CODES, EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_UPDATE_OFFERED, Kind
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    SetEvent,
    UnaskedWarning,
    UpdateEvent,
)
from pypitool.core.mirror.run_words import set_lines


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
    unmoved: int = 0  # sets for which there is no answer
    unasked: int = 0  # targets for which a set has no line at all
    planned: int = 0  # files that a dry run would have fetched or deleted, ...
    planned_bytes: int = 0  # ... what is known of their sizes, ...
    planned_unsized: int = 0  # ... and how many they are whose size nobody tells

    def after(self, event: Event) -> Tally:
        """Count one more event."""
        if isinstance(event, HoleEvent):
            return replace(self, holes=self.holes + 1)
        if isinstance(event, ProjectEvent):
            return replace(self, failed=self.failed + 1, failed_projects=self.failed_projects + 1)
        if isinstance(event, FileEvent):
            return self._after_file(event)
        if isinstance(event, PlanEvent) and event.action in ("get", "delete"):
            return self._after_plan(event)
        if isinstance(event, UnaskedWarning):
            return replace(self, unasked=self.unasked + len(event.targets))
        if isinstance(event, DifferenceEvent):
            return replace(self, differences=self.differences + 1)
        if isinstance(event, SetEvent):
            by_itself = event.kind is Kind.INVALID
            return replace(self, unmoved=self.unmoved + by_itself, failed=self.failed + (not by_itself))
        if isinstance(event, UpdateEvent) and event.new is not None:
            return replace(self, offered=self.offered + 1)
        return self

    def _after_plan(self, event: PlanEvent) -> Tally:
        return replace(
            self,
            planned=self.planned + 1,
            planned_bytes=self.planned_bytes + (event.bytes or 0),
            planned_unsized=self.planned_unsized + (event.bytes is None),
        )

    def _after_file(self, event: FileEvent) -> Tally:
        if event.outcome == "fetched":
            return replace(self, fetched=self.fetched + 1, bytes=self.bytes + event.bytes)
        if event.outcome == "kept":
            return replace(self, kept=self.kept + 1)
        if event.outcome == "deleted":
            return replace(self, deleted=self.deleted + 1, bytes=self.bytes + event.bytes)
        return replace(self, failed=self.failed + 1)


@dataclass(frozen=True, slots=True)
class ProvenSet:
    """What the proof of one set came to: where it installs, and how much is missing elsewhere."""

    name: str
    installs_on: tuple[str, ...] = ()  # the names of targets
    lacking: Mapping[str, int] = field(default_factory=dict)  # how much is missing on which target

    def lines(self) -> Iterator[str]:
        """Return what people read."""
        return set_lines(self.name, self.installs_on, self.lacking)

    def as_json(self) -> Mapping[str, object]:
        """Its part of the summary."""
        return {"set": self.name, "installs_on": list(self.installs_on), "lacks": dict(self.lacking)}


@dataclass(frozen=True, slots=True)
class Ending:
    """What decides the exit code besides the tally."""

    interrupted: bool = False
    unreachable: bool = False  # no upstream answered at all
    update_offered: bool = False  # and --exit-code was given
    dry_run: bool = False
    plans: bool = False  # it said what a run would do with files, and did nothing
    only_proof: bool = False  # `check`: of nothing it is none
    files: int = 0  # that were read again ...
    bytes: int = 0  # ... and how much that was
    error: Kind | None = None  # it stopped before it began
    sets: tuple[ProvenSet, ...] = ()  # that were proven, or not


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
    plans: bool = False  # nothing was done: what would have been is counted
    sets: tuple[ProvenSet, ...] = ()

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
            **self._planned(),
            **({"sets": [one.as_json() for one in self.sets]} if self.sets else {}),
        }

    def _planned(self) -> dict[str, int]:
        if not self.plans:
            return {}
        return {"planned": self.tally.planned, "planned_bytes": self.tally.planned_bytes}

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
        sets=tuple(
            ProvenSet(one["set"], tuple(one["installs_on"]), one["lacks"]) for one in line.get("sets", ())
        ),
    )


def run_exit_code(tally: Tally, ending: Ending) -> int:
    """Choose the exit code of a run that started: the first that applies."""
    if ending.interrupted:
        return EXIT_INTERRUPTED
    if ending.error is not None:
        return EXIT_CODES[ending.error]
    if ending.unreachable:
        return 7
    if ending.dry_run:
        return 0
    if tally.failed:
        return EXIT_PARTIAL
    if tally.holes or tally.differences or tally.unmoved or (ending.only_proof and tally.unasked):
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
    if tally.differences or tally.unmoved:
        return RunOutcome.FAILED
    if tally.holes:
        return RunOutcome.HOLES
    return RunOutcome.FAILED if ending.only_proof and tally.unasked else RunOutcome.OK
