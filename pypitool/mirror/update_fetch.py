"""The files of new releases: planned, fetched, and told apart by whether all of a release arrived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pypitool.core.mirror.run_events import Event, FileEvent
from pypitool.core.mirror.sync_plan import FetchItem, Planned, WantedFile, plan_sync
from pypitool.mirror.sync import Mirror, Report, carry_out, report_plan
from pypitool.mirror.update_offers import UpdateOffer
from pypitool.upstream.upstream_errors import Stopped


@dataclass(frozen=True, slots=True)
class ArrivedFiles:
    """Which files are here now; None: nothing was fetched, and nothing is amiss."""

    names: frozenset[str] | None = None

    def has_all_of(self, offer: UpdateOffer) -> bool:
        """Tell whether every file of a new release is here."""
        return self.names is None or all(
            wanted.candidate.filename in self.names for wanted in offer.files.files
        )


def plan_updates(mirror: Mirror, offers: Iterable[UpdateOffer], report: Report) -> None:
    """Say which files would be fetched."""
    report_plan((one for _, one in _items(mirror, offers, None)), report)


def fetch_updates(
    mirror: Mirror, offers: Iterable[UpdateOffer], destination: tuple[int, str] | None, report: Report
) -> ArrivedFiles:
    """Fetch the files of new releases."""
    here: set[str] = set()

    def take(event: Event) -> None:
        if isinstance(event, FileEvent) and event.kind is None:
            here.add(event.name)
        report(event)

    carry_out(mirror, _items(mirror, offers, destination), take)
    if mirror.stop.is_set():
        raise Stopped()
    return ArrivedFiles(frozenset(here))


def _items(
    mirror: Mirror, offers: Iterable[UpdateOffer], destination: tuple[int, str] | None
) -> list[tuple[FetchItem, Planned]]:
    found: dict[str, tuple[FetchItem, Planned]] = {}
    for offer in offers:
        root, folder = destination if destination is not None else offer.held.folder()
        for one in plan_sync(offer.files.files, _held(mirror, offer)):
            name = one.wanted.candidate.filename
            if name in found:  # two environments want the same release
                one = replace(one, wanted=_for_both(found[name][1].wanted, one.wanted))
            found[name] = FetchItem(one.wanted, offer.offered.upstream, root, folder), one
    return list(found.values())


def _held(mirror: Mirror, offer: UpdateOffer) -> dict[str, str]:
    project = mirror.repository.catalogue.project(offer.name)
    return {file.filename: file.contents.digests.sha256 for file in (project.files if project else ())}


def _for_both(one: WantedFile, other: WantedFile) -> WantedFile:
    return replace(one, targets=tuple(dict.fromkeys((*one.targets, *other.targets))))
