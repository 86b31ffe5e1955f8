"""Scanning by others than the keeper: being it for a moment, or working beside it."""

from __future__ import annotations

from collections.abc import Iterable

from pypitool.asking import tell_keeper
from pypitool.core.model import Location
from pypitool.keeper_lock import keeper_lock
from pypitool.recording import ScanReport
from pypitool.recovery import settle_all
from pypitool.repository import Repository
from pypitool.scan import Progress, Scanner, ignore_progress


def look_at(repository: Repository, locations: Iterable[Location]) -> ScanReport:
    """Look at a few files now; what cannot be settled yet is the keeper's."""
    report = Scanner.of(repository).at(locations)
    tell_keeper(repository.state, *report.unsettled)
    return report


def rescan(repository: Repository, progress: Progress = ignore_progress) -> ScanReport:
    """Scan the directories now, beside the keeper where there is one."""
    report = catch_up(repository, progress)
    if report is None:
        report = Scanner.of(repository, progress=progress).everything()
        tell_keeper(repository.state, *report.unsettled)
    return report


def catch_up(repository: Repository, progress: Progress) -> ScanReport | None:
    """Scan the directories if no keeper does; None: one does, and the catalogue is fresh."""
    with keeper_lock(repository.state) as mine:
        if not mine:
            return None
        settle_all(repository)
        return Scanner.of(repository, progress=progress).everything()
