"""Undoing a publishing that failed on the way."""

from __future__ import annotations

from contextlib import suppress

from pypitool.core.errors import PypitoolError
from pypitool.core.model import HeldFile, Location
from pypitool.repository import Repository


class Rollback:
    """What has to be undone when a publishing fails."""

    def __init__(self, repository: Repository, file: HeldFile) -> None:
        self._repository = repository
        self._file = file
        self._to_remove: list[Location] = []
        self._is_reversible = True

    def signed(self, signature: Location) -> None:
        """Note that a signature is about to be placed."""
        self._to_remove.append(signature)

    def placed(self, *, is_reversible: bool) -> None:
        """Note that the file has its name; it cannot be taken back where it replaced another one."""
        self._to_remove.insert(0, self._file.location)
        self._is_reversible = is_reversible

    def run(self) -> None:
        """Undo it. What cannot be undone now (the disk is full) is the keeper's: our lock ends with us."""
        if not self._is_reversible:
            return
        with suppress(PypitoolError):
            for location in self._to_remove:
                self._repository.store.remove(location)
            self._repository.catalogue.abandon_publish(self._file.location)
