"""For commands that run without a server: be the keeper for a moment."""

from __future__ import annotations

from pypitool.keeper_lock import keeper_lock
from pypitool.recording import ScanReport
from pypitool.recovery import settle_all
from pypitool.repository import Repository
from pypitool.scan import Progress, Scanner


def catch_up(repository: Repository, progress: Progress) -> ScanReport | None:
    """Scan the directories if no keeper does; None: one does, and the catalogue is fresh."""
    with keeper_lock(repository.state) as mine:
        if not mine:
            return None
        settle_all(repository)
        return Scanner.of(repository, progress=progress).everything()
