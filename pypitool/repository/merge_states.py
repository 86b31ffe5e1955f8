"""`pypitool state adopt`: a state takes over another one because somebody says so."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pypitool.catalogue.facts import FactLog, FactsTooNew
from pypitool.core.fact import VERSION
from pypitool.core.fact_merge import FactLine, only_in, read_line, to_append
from pypitool.core.state_choice import Relation
from pypitool.core.state_files import SERVICE, StateFiles
from pypitool.repository.adopt import finish_adopting, held_off, set_aside
from pypitool.repository.repository import Repository
from pypitool.repository.state import (
    Survey,
    begins_with_facts,
    choose_state,
    make_state,
    survey,
    take,
    trouble_with,
)
from pypitool.repository.state_errors import CannotAdopt, ForeignState, PackagesMissing
from pypitool.repository.state_owner import is_same, recorded, relation_of


class Way(str, Enum):
    """How a state takes over another one."""

    COPIED = "copied"  # it knew nothing
    APPENDED = "appended"  # both had facts
    KEPT = "kept"  # it is the same one, which has other directories from now on
    NOTHING = "nothing"  # it is the same one, with the same directories


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What was taken over, or would be."""

    state: Path
    other: Path
    way: Way
    lines: Sequence[FactLine]


def only_there(survey: Survey, shown: int = 3) -> str:
    """Say what only the second of two states decided, nothing where there is none or nothing of its own."""
    if survey.second is None or not survey.asked.has_facts:
        return ""
    lines = missing_lines(StateFiles(survey.asked.directory), StateFiles(survey.second))
    first = ", ".join(line.words for line in lines[:shown])
    more = len(lines) - shown
    return f"{first} and {more} more" if more > 0 else first


def missing_lines(files: StateFiles, other: StateFiles) -> list[FactLine]:
    """Return what only the other state decided, in order of time."""
    return only_in(_lines(other), _lines(files))


def take_over(
    given: Path,
    roots: Sequence[Path],
    explicit: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    dry_run: bool = False,
    service: Path = SERVICE,
) -> TakenOver:
    """Let the state of these directories take over the one in `given`; with `dry_run` say what that is.

    For root that is the state of the `service`, where the other one is what a shell would take for their own.
    """
    for root in roots:
        if not root.is_dir():
            raise PackagesMissing(root)
    directory, given = choose_state(roots, explicit, environ), given.absolute()
    if is_same(directory, given) and explicit is None and os.geteuid() == 0 and service.is_dir():
        directory = service  # what it asks for by its environment
    if not dry_run:
        finish_adopting(StateFiles(directory))
    found = survey(roots, directory, environ)
    if is_same(directory, given):
        return _keep(found, given, dry_run=dry_run)
    if found.asked.has_facts or found.asked.relation is Relation.TWICE:
        found.refuse()
    files, other = StateFiles(directory), StateFiles(given)
    _check(other, roots)
    plan = TakenOver(
        directory,
        given,
        Way.APPENDED if begins_with_facts(files) else Way.COPIED,
        missing_lines(files, other),
    )
    if dry_run:
        return plan
    if plan.way is Way.COPIED:
        is_new = make_state(directory, roots)
        take(found, given, is_new=is_new)
    else:
        _merge(files, other)
    with Repository.open(roots, directory, environ):
        pass  # what was added is replayed
    return plan


def _keep(found: Survey, given: Path, *, dry_run: bool) -> TakenOver:
    """Let a state that had other directories have these from now on."""
    is_foreign = found.asked.relation in (Relation.OTHERS, Relation.TWICE)
    if is_foreign and not dry_run:
        if (trouble := trouble_with(StateFiles(given))) is not None:
            raise CannotAdopt(given, trouble)
        take(found, moves=True)
    return TakenOver(given, given, Way.KEPT if is_foreign else Way.NOTHING, ())


def _check(other: StateFiles, roots: Sequence[Path]) -> None:
    """Refuse what has nothing, is at work, or belongs to directories that are still there."""
    if not begins_with_facts(other):
        raise CannotAdopt(other.directory, "nothing was decided there")
    owners = [one.path for one in recorded(other) or ()]
    if relation_of(other, roots) is Relation.OTHERS and all(map(Path.is_dir, owners)):
        raise ForeignState(other.directory, owners, [root.resolve() for root in roots])
    if (trouble := trouble_with(other)) is not None:
        raise CannotAdopt(other.directory, trouble)


def _merge(files: StateFiles, other: StateFiles) -> None:
    """Give a state what only the other one decided, and set the log of that one aside."""

    def lines() -> list[bytes]:
        own = _lines(files)
        return [line.body for line in to_append(own, only_in(_lines(other), own))]

    with held_off(other):
        FactLog(files.facts).append_lines(lines)
        set_aside(other, files)


def _lines(files: StateFiles) -> list[FactLine]:
    try:
        descriptor = os.open(files.facts, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with open(descriptor, "rb") as file:
        lines = [line for line in map(read_line, file) if line is not None]
    versions = [line.document.get("v") for line in lines]
    newer = [version for version in versions if isinstance(version, int) and version > VERSION]
    if newer:
        raise FactsTooNew(files.facts, newer[0])
    return lines
