"""What a run leaves for `prune`: the files that each set wanted, now and when it was last proven."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timezone

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.core.filenames import parse
from pypitool.mirror.available import SetProof
from pypitool.mirror.choices import Choices, files_by_set
from pypitool.mirror.offers import Offers
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.sets import Closure

Projects = Collection[NormalizedName]


def unsettled_projects(offers: Offers, choices: Choices) -> Projects:
    """Return the projects of which nobody knows what their sets want now: something about them failed."""
    missed = {missed.miss.wish.project for missed in choices.misses}
    return offers.failed.keys() | offers.unasked.keys() | choices.failed.keys() | missed


def remember_wants(record: MirrorRecord, choices: Choices, unsettled: Projects) -> None:
    """Note what the sets want now; what they wanted last of an unsettled project is not given up."""
    now = _now()
    for name, filenames in files_by_set(choices.files).items():
        record.want(name, [*_of(unsettled, record.wanted_lately(name)), *filenames], now)


def remember_proofs(
    record: MirrorRecord, reader: Reader, proofs: Iterable[SetProof], choices: Choices, unsettled: Projects
) -> None:
    """Note of each set that was proven what it wanted, and what its targets would install."""
    chosen, now = files_by_set(choices.files), _now()
    with record.together():
        for proof in proofs:
            name = proof.request.name
            wanted = chosen.get(name, [])
            if proof.is_whole and _has_arrived(proof, wanted, unsettled, reader):
                before = _of(unsettled, record.wanted_lately(name))
                record.keep_proven(name, {*before, *wanted, *proof.used}, now)


def _has_arrived(proof: SetProof, wanted: Sequence[str], unsettled: Projects, reader: Reader) -> bool:
    """Tell whether all that a set wanted is here; where dependencies are followed, the proof has told."""
    if proof.request.closure is not Closure.OFF:
        return True
    projects = proof.pinned.wishes.keys()
    held = {file.filename for project in projects for file in reader.held(project)}
    return held.issuperset(wanted) and projects.isdisjoint(unsettled)


def _of(projects: Projects, filenames: Iterable[str]) -> Iterator[str]:
    return (name for name in filenames if parse(name).project in projects)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
