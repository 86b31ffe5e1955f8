"""What a stretch of `facts.jsonl` comes to, once the later lines have overruled the earlier ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from pypitool.catalogue import FileFact, decisions, writing
from pypitool.core.model import Origin, OriginKind, ProjectStatus
from pypitool.facts import Fact, What


@dataclass(frozen=True, slots=True)
class Decisions:
    """The outcome of a stretch of facts; what was forgotten was so before the rest was decided."""

    forgotten: set[str] = field(default_factory=set)
    arrivals: dict[str, dict[str, FileFact]] = field(default_factory=dict)
    yanks: dict[str, FileFact] = field(default_factory=dict)
    statuses: dict[NormalizedName, tuple[ProjectStatus, str | None]] = field(default_factory=dict)


def fold(facts: Iterable[Fact]) -> Decisions:
    """Return what holds after all of `facts`."""
    outcome = Decisions()
    for fact in facts:
        _fold_one(outcome, fact)
    return outcome


def apply(connection: sqlite3.Connection, outcome: Decisions, now: float) -> None:
    """Make decisions hold in a catalogue; inside a transaction of the caller."""
    for filename in outcome.forgotten:
        # Only what is remembered: a live row keeps its yank until its file is gone, which is about to be.
        decisions.forget(connection, filename)
    for arrivals in outcome.arrivals.values():
        for arrival in arrivals.values():
            decisions.record_arrival(connection, arrival)
    for yank in outcome.yanks.values():
        decisions.record_yank(connection, yank)
    filenames = outcome.arrivals.keys() | outcome.yanks.keys()
    writing.announce(connection, decisions.apply(connection, filenames, now))
    for project, (status, reason) in outcome.statuses.items():
        writing.set_status(connection, project, status, reason)


def _fold_one(outcome: Decisions, fact: Fact) -> None:
    if fact.project is None:
        return
    if fact.what == What.STATUS and fact.status in {status.value for status in ProjectStatus}:
        outcome.statuses[fact.project] = (ProjectStatus(fact.status), fact.reason)
    elif fact.filename is not None:
        _fold_file(outcome, fact, fact.project, fact.filename)


def _fold_file(outcome: Decisions, fact: Fact, project: NormalizedName, filename: str) -> None:
    if fact.what == What.DELETE:
        _forget(outcome, filename)
    elif fact.what == What.YANK:
        outcome.yanks[filename] = FileFact(filename, project, yanked=fact.reason or "")
    elif fact.what == What.UNYANK:
        outcome.yanks[filename] = FileFact(filename, project)
    elif fact.what in (What.UPLOAD, What.OVERWRITE) and fact.sha256 is not None:
        arrival = _arrival(fact, project, filename, fact.sha256)
        # Taken out first: the last bytes to arrive are the last of the dictionary.
        arrivals = outcome.arrivals.setdefault(filename, {})
        arrivals.pop(fact.sha256, None)
        arrivals[fact.sha256] = arrival
        if fact.yanked is not None:
            outcome.yanks[filename] = arrival


def _forget(outcome: Decisions, filename: str) -> None:
    outcome.forgotten.add(filename)
    outcome.yanks.pop(filename, None)
    outcome.arrivals.pop(filename, None)


def _arrival(fact: Fact, project: NormalizedName, filename: str, sha256: str) -> FileFact:
    origin = fact.origin or Origin(OriginKind.UPLOADED, fact.actor.who)
    return FileFact(filename, project, sha256, fact.upload_time or fact.at, origin, fact.yanked)
