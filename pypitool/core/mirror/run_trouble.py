"""What went wrong in a run, as far as a message has room for it: which projects failed, what is missing, why.

Everything is bounded: a thousand failed projects are ten and a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    Event,
    FileEvent,
    HoleEvent,
    ProjectEvent,
    SetEvent,
)
from pypitool.core.mirror.run_summary import RunOutcome, Summary

NAMED = 10  # of each kind; of the others it is said how many there are

T = TypeVar("T")
FailureEvent = ProjectEvent | FileEvent | DifferenceEvent | SetEvent


@dataclass(frozen=True, slots=True)
class RunTrouble:
    """What somebody has to look at after a run."""

    failures: tuple[FailureEvent, ...] = ()
    holes: tuple[HoleEvent, ...] = ()
    reason: str | None = None  # it could not even begin

    @classmethod
    def of(cls, events: Iterable[Event]) -> RunTrouble:
        """Pick what went wrong from everything that a run said."""
        told = list(events)
        failures = (event for event in told if _is_failure(event))
        return cls(
            tuple(event for event in failures if isinstance(event, FailureEvent)),
            tuple(event for event in told if isinstance(event, HoleEvent)),
        )

    def reason_of(self, summary: Summary) -> str | None:
        """Say in one sentence why a run did not end well; None: it did."""
        if self.reason is not None:
            return self.reason
        if summary.outcome is RunOutcome.FAILED and summary.exit_code == 7:
            return "no index answered"
        return _REASONS.get(summary.outcome)

    def as_json(self, summary: Summary) -> Mapping[str, object]:
        """Return what programs read of it."""
        return {
            "reason": self.reason_of(summary),
            "failures": [_failure(event) for event in self.failures[:NAMED]],
            "more_failures": _left_out(self.failures),
            "missing": [document(event) for event in self.holes[:NAMED]],
            "more_missing": _left_out(self.holes),
        }

    def lines(self) -> Iterator[str]:
        """Yield what people read of it, below the sentence that says how the run ended."""
        for event in self.failures[:NAMED]:
            yield f"failed: {_sentence(event)}"
        if more := _left_out(self.failures):
            yield f"... and {more} more failed"
        yield from map(str, self.holes[:NAMED])
        if more := _left_out(self.holes):
            yield f"... and {more} more are missing"


_REASONS = {
    RunOutcome.INTERRUPTED: "it was interrupted",
    RunOutcome.PARTIAL: "projects or files failed",
    RunOutcome.HOLES: "dependencies are missing",
    RunOutcome.FAILED: "something is not as it should be",
}


def _is_failure(event: Event) -> bool:
    if isinstance(event, FileEvent):
        return event.kind is not None
    return isinstance(event, (ProjectEvent, DifferenceEvent, SetEvent))


def _failure(event: FailureEvent) -> Mapping[str, object]:
    if isinstance(event, SetEvent):
        return {"set": event.set, "kind": event.kind.value, "message": event.message}
    name = None if isinstance(event, ProjectEvent) else event.name
    named = {} if name is None else {"name": name}
    kind = None if event.kind is None else event.kind.value
    return {"project": event.project, **named, "kind": kind, "message": event.message}


def _sentence(event: FailureEvent) -> str:
    if isinstance(event, SetEvent):
        return f"{event.set}: {event.message}"
    subject = event.project if isinstance(event, ProjectEvent) else event.name or event.project
    message = event.message or ""
    return message if message.startswith(subject) else f"{subject}: {message}"


def _left_out(events: Sequence[T]) -> int:
    return max(0, len(events) - NAMED)
