"""Symbolic links to files: followed where they stay inside the package directories."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.filenames import is_ignored
from pypitool.core.model import Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.failures import ABSENT
from pypitool.store.opened import Opened, open_regular

_LEADS_OUT = "it is a symbolic link that leads out of the package directories"


@dataclass(frozen=True, slots=True)
class Links:
    """Opens what links lead to, without trusting that they still lead there a moment later."""

    roots: tuple[Path, ...]

    def open(self, location: Location) -> Opened | None:
        """Open a regular file, or the one that a link at its place leads to; None: there is none inside."""
        opened, error = self._try(location)
        if error == errno.ELOOP:
            target = self._target(location)
            opened = None if target is None else self._try(target)[0]
        return opened

    def look(self, location: Location, *, signed: bool) -> Walked | Unreadable | None:
        """Say what a walk says of the link at `location`."""
        opened = self.open(location)
        if opened is not None:
            opened.close()
            return Walked(location, opened.stat, signed)
        leads_to_a_file = os.path.isfile(self.roots[location.root] / location.path)
        wanted = leads_to_a_file and not is_ignored(location.filename)
        return Unreadable(location, _LEADS_OUT) if wanted else None

    def _try(self, location: Location) -> tuple[Opened | None, int | None]:
        try:
            return open_regular(self.roots[location.root], location.path), None
        except OSError as error:
            if error.errno not in ABSENT:
                raise
            return None, error.errno

    def _target(self, location: Location) -> Location | None:
        target = os.path.realpath(self.roots[location.root] / location.path)
        for number, root in enumerate(self.roots):
            inside = os.path.realpath(root) + os.sep
            if target.startswith(inside):
                return Location(number, target[len(inside) :])
        return None
