"""The proof of sets over the catalogue: for each target, what is missing on disk and who needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pypitool.core.mirror.closure import Proof, Shelf, prove
from pypitool.core.mirror.run_events import HoleEvent, WarningEvent
from pypitool.mirror.sets import Closure, PinnedSet
from pypitool.mirror.shelf import RootsAlone


def prove_sets(sets: Iterable[PinnedSet], shelf: Shelf) -> Iterator[HoleEvent | WarningEvent]:
    """Walk every set for each of its targets; of sets with `closure = "off"` only what is named."""
    told: set[str] = set()
    for pinned in sets:
        own = RootsAlone(shelf) if pinned.request.closure is Closure.OFF else shelf
        for target in pinned.request.targets:
            proof = prove(pinned.roots(target), target, own, pinned.pins(target))
            yield from events_of(pinned.request.name, proof, told)


def events_of(name: str, proof: Proof, told: set[str]) -> Iterator[HoleEvent | WarningEvent]:
    """Tell what a proof found; `told` are the files of which it has been said that nobody knows."""
    for hole in proof.holes:
        yield HoleEvent(name, hole.target, hole.requirement, hole.required_by, hole.reason, hole.unpinned)
    for unknown in proof.unknown:
        if unknown.filename not in told:
            told.add(unknown.filename)
            yield WarningEvent(
                f"{unknown.filename}: what it depends on is unknown until it is built", unknown.project
            )
