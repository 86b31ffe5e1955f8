"""Which state to begin with, when there may be another one of the same package directories.

What people decided is in a state's facts. A state without any must never be begun while another one of these
directories has some: it would silently un-yank, un-quarantine and forget every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Relation(Enum):
    """Whether a state belongs to the package directories that are asked for."""

    OURS = "ours"
    NOBODYS = "nobody's"  # it has not recorded any
    OTHERS = "others'"
    TWICE = "twice"  # to one of these, and to another directory with the same mark


class StateVerdict(Enum):
    """What is to be done with the state that is asked for."""

    BEGIN = "begin with it"
    TAKE = "let it belong to these directories from now on"
    ADOPT = "adopt the other one first"
    REFUSE_OTHER = "refuse: the other one cannot be adopted"
    REFUSE_OWNER = "refuse: it belongs to other directories"
    REFUSE_PARTLY = "refuse: the other one has facts, and not quite these directories"
    REFUSE_TWICE = "refuse: two directories have the same mark"
    REFUSE_LOST = "refuse: the note leads nowhere"


@dataclass(frozen=True, slots=True)
class KnownDirectory:
    """A package directory: where it is, and the mark that lies in it."""

    path: Path
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedDirectory:
    """A package directory as a state has it on record, and what is found there now."""

    path: Path
    mark: str | None = None
    mark_there: str | None = None  # None: nothing is there, or it has no mark
    is_around: bool = False  # the state lies in it, and moves with it

    def relation(self, asked: KnownDirectory) -> Relation:
        """Tell whether a directory that is asked for is this one."""
        if self.path == asked.path:
            is_another = not self.is_around and None not in (self.mark, asked.mark)
            return Relation.OTHERS if is_another and self.mark != asked.mark else Relation.OURS
        if self.mark is None or self.mark != asked.mark:
            return Relation.OTHERS
        return Relation.TWICE if self.mark_there == self.mark else Relation.OURS


def relation(recorded: Sequence[RecordedDirectory] | None, asked: Sequence[KnownDirectory]) -> Relation:
    """Tell whether a state with these directories on record belongs to those that are asked for."""
    if recorded is None:
        return Relation.NOBODYS
    if len(recorded) != len(asked):
        return Relation.OTHERS
    found = {known.relation(one) for known, one in zip(recorded, asked, strict=True)}
    return next((one for one in (Relation.OTHERS, Relation.TWICE) if one in found), Relation.OURS)


@dataclass(frozen=True, slots=True)
class FoundState:
    """A state directory as it was found."""

    directory: Path
    has_facts: bool = False  # at least one line
    relation: Relation = Relation.NOBODYS
    is_expendable: bool = False  # its facts are none of anybody's: what rules counted, and nothing else
    is_deserted: bool = False  # the directories that it belongs to lie in it, and hold no file
    trouble: str | None = None  # why it can be taken away from nobody
    has_one_of_these: bool = False  # it belongs to others, but one of these is among them


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be done, and with which other state."""

    verdict: StateVerdict
    other: FoundState | None = None


def choose(asked: FoundState, others: Sequence[FoundState] = (), *, note_is_lost: bool = False) -> Choice:
    """Choose what to do with the state that is asked for; `others` are of these directories, best first."""
    is_foreign = asked.relation is Relation.OTHERS
    if asked.relation is Relation.TWICE:
        return Choice(StateVerdict.REFUSE_TWICE)
    is_free = not asked.has_facts or asked.is_expendable or asked.is_deserted
    if is_foreign and not (is_free and asked.trouble is None):
        return Choice(StateVerdict.REFUSE_OWNER)
    other = _rival(others)
    if not asked.has_facts or (is_foreign and asked.is_expendable):
        if other is not None:
            return Choice(StateVerdict.ADOPT if other.trouble is None else StateVerdict.REFUSE_OTHER, other)
        if partly := _partly(others):
            return Choice(StateVerdict.REFUSE_PARTLY, partly)
        if note_is_lost:
            return Choice(StateVerdict.REFUSE_LOST)
    return Choice(StateVerdict.TAKE if is_foreign else StateVerdict.BEGIN, other)


def _rival(others: Sequence[FoundState]) -> FoundState | None:
    """Return the other state of these directories that has facts."""
    of_these = (Relation.OURS, Relation.NOBODYS)
    return next((one for one in others if one.has_facts and one.relation in of_these), None)


def _partly(others: Sequence[FoundState]) -> FoundState | None:
    """Return a state with facts of somebody's that has one of these directories, and not quite the rest."""
    decided = (one for one in others if one.has_facts and not one.is_expendable)
    return next((one for one in decided if one.has_one_of_these), None)
