"""The files of new releases: fetched for every target, then proved to install with what is on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement

from pypitool.core.mirror.closure import Root, Shelf, prove
from pypitool.core.mirror.run_events import Event, FileEvent
from pypitool.core.mirror.sync_plan import Planned, plan
from pypitool.core.mirror.targets import Target
from pypitool.mirror.proof import events_of
from pypitool.mirror.shelf import CatalogueShelf, JoinedShelf
from pypitool.mirror.sync import Mirror, Report, carry_out, report_plan
from pypitool.mirror.updating import Offer
from pypitool.mirror.watching import FetchItem
from pypitool.repository.repository import Repository
from pypitool.upstream.errors import Stopped


@dataclass(frozen=True, slots=True)
class Arrival:
    """Which files are here now; None: nothing was fetched, and nothing is amiss."""

    names: frozenset[str] | None = None

    def has_all_of(self, offer: Offer) -> bool:
        """Tell whether every file of a new release is here."""
        return self.names is None or all(
            wanted.candidate.filename in self.names for wanted in offer.files.files
        )


def plan_updates(mirror: Mirror, offers: Iterable[Offer], report: Report) -> None:
    """Say which files would be fetched."""
    report_plan((planned for offer in offers for planned in _planned(mirror, offer)), report)


def fetch_updates(
    mirror: Mirror,
    looked_at: Repository,
    offers: Sequence[Offer],
    destination: tuple[int, str] | None,
    report: Report,
) -> Arrival:
    """Fetch the files of new releases, and name what they need that is not on disk."""
    here: set[str] = set()

    def take(event: Event) -> None:
        if isinstance(event, FileEvent) and event.kind is None:
            here.add(event.name)
        report(event)

    carry_out(mirror, [pair for offer in offers for pair in _items(mirror, offer, destination)], take)
    if mirror.stop.is_set():
        raise Stopped()
    catalogues = dict.fromkeys((mirror.repository.catalogue, looked_at.catalogue))
    for event in _holes(offers, here, JoinedShelf([CatalogueShelf(one) for one in catalogues])):
        report(event)
    return Arrival(frozenset(here))


def _planned(mirror: Mirror, offer: Offer) -> Sequence[Planned]:
    project = mirror.repository.catalogue.project(offer.name)
    held = {file.filename: file.contents.digests.sha256 for file in (project.files if project else ())}
    return plan(offer.files.files, held)


def _items(
    mirror: Mirror, offer: Offer, destination: tuple[int, str] | None
) -> Iterator[tuple[FetchItem, Planned]]:
    root, folder = destination if destination is not None else offer.held.folder()
    for planned in _planned(mirror, offer):
        yield FetchItem(planned.wanted, offer.offered.upstream, root, folder), planned


def _holes(offers: Iterable[Offer], here: set[str], shelf: Shelf) -> Iterator[Event]:
    told: set[str] = set()
    for target, roots in _roots(offers, here).items():
        yield from events_of("update", prove(roots, target, shelf, {}), told)


def _roots(offers: Iterable[Offer], here: set[str]) -> Mapping[Target, list[Root]]:
    roots: dict[Target, list[Root]] = defaultdict(list)
    for offer in offers:
        targets = {target.name: target for target in offer.targets}
        root = Root(Requirement(f"{offer.name}=={offer.new}"), "update")
        arrived = (wanted for wanted in offer.files.files if wanted.candidate.filename in here)
        for name in dict.fromkeys(name for wanted in arrived for name in wanted.targets):
            roots[targets[name]].append(root)
    return roots
