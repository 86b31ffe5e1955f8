"""Why a file is taken or not: every candidate of a project, for every set and target that wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.selection import Candidate, select
from pypitool.core.names import normalize
from pypitool.mirror.available import HeldFiles
from pypitool.mirror.offers import ask_upstreams
from pypitool.mirror.sets import PinnedSet, SetRequest
from pypitool.mirror.sync import Mirror, pin_sets


class NotWanted(PypitoolError):
    """A project that no set asks for: there is nothing to explain."""

    kind = Kind.NOT_FOUND
    sentence = "no set wants `{project}`"
    project: NormalizedName


@dataclass(frozen=True, slots=True)
class Explained:
    """One file, for one target of one set."""

    type: ClassVar[str] = "verdict"
    set: str
    target: str
    filename: str
    taken: bool
    rule: str


def explain(
    mirror: Mirror, requests: Sequence[SetRequest], project: str, environ: Mapping[str, str]
) -> list[Explained]:
    """Judge every file on offer; nothing is fetched but the page."""
    name = normalize(project)
    sets = pin_sets(mirror, requests, environ)
    if not any(name in pinned.wishes for pinned in sets):
        raise NotWanted(name)
    candidates = _candidates(mirror, name)
    return [one for pinned in sets for one in _of_set(pinned, name, candidates)]


def _candidates(mirror: Mirror, project: NormalizedName) -> Sequence[Candidate]:
    if mirror.private_names.is_ours(project):
        return HeldFiles(mirror.repository.catalogue).candidates(project)
    offers = ask_upstreams([project], mirror.sessions, mirror.record, mirror.stop)
    for error in offers.failed.values():
        raise error
    return offers.found[project].candidates(mirror.record)


def _of_set(
    pinned: PinnedSet, project: NormalizedName, candidates: Sequence[Candidate]
) -> Iterator[Explained]:
    name, rules = pinned.request.name, pinned.request.rules
    for target, wish in pinned.wishes.get(project, {}).items():
        for verdict in select(wish, target, candidates, rules):
            filename, rule = verdict.candidate.filename, verdict.rule.value
            yield Explained(name, target.name, filename, verdict.taken, rule)
