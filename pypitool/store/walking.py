"""Walking a tree of packages: in order of path, hidden names left out, links only where they stay inside."""

from __future__ import annotations

import os
import stat as stat_bits
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.filenames import is_ignored
from pypitool.core.model import Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.links import Links
from pypitool.store.opened import stat_of

SIGNATURE = ".asc"
_NOT_UTF8 = "its name is not UTF-8"


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk over one root."""

    root: Path
    number: int
    links: Links

    def run(self, folder: str) -> Iterator[Walked | Unreadable]:
        """Iterate over everything below `folder`, in order of path."""
        # A stack of what is left of each folder on the way: recursion by `yield from` costs for each level.
        stack = [self._listed(f"{folder}/" if folder else "")]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif isinstance(found, str):
                stack.append(self._listed(found))
            else:
                yield found

    def _listed(self, prefix: str) -> Iterator[Walked | Unreadable | str]:
        """Iterate over the files of one folder, and over its folders as text that ends in a slash."""
        try:
            names = _names(self.root / prefix)
        except OSError as error:
            # A folder may go while we walk. The root may not: more likely it is not mounted.
            if not prefix or not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                cause = (error.strerror or str(error)).lower()
                yield Unreadable(Location(self.number, prefix), f"it cannot be listed: {cause}")
            return
        signatures = {name for name in names if name.endswith(SIGNATURE)}
        base = f"{self.root}/{prefix}"
        for name in names:
            found = self._met(base, prefix, name, name + SIGNATURE in signatures)
            if found is not None:
                yield found

    def _met(self, base: str, prefix: str, name: str, signed: bool) -> Walked | Unreadable | str | None:
        location = Location(self.number, prefix + name)
        if not name.isascii() and not is_utf8(name):
            return not_utf8(location)
        if name.endswith("/"):
            return location.path
        try:
            result = os.lstat(base + name)
        except OSError:
            return None  # it went while we walked
        if stat_bits.S_ISREG(result.st_mode):
            return Walked(location, stat_of(result), signed)
        return self.links.look(location, signed=signed) if stat_bits.S_ISLNK(result.st_mode) else None


def is_utf8(name: str) -> bool:
    """Tell whether a name is UTF-8 on the disk: what is not has become lone surrogates in `name`."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def not_utf8(location: Location) -> Unreadable | None:
    """Report a name that is not UTF-8, unless it is of no concern; databases and pages cannot hold it."""
    if not location.path.endswith("/") and is_ignored(location.filename):
        return None
    path = os.fsencode(location.path).decode("utf-8", "backslashreplace")
    return Unreadable(Location(location.root, path), _NOT_UTF8)


def _names(folder: Path) -> list[str]:
    """List a folder, its folders with a slash at the end: sorted like that, the walk is in order of path."""
    with os.scandir(folder) as entries:
        names = [
            entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if not entry.name.startswith(".")
        ]
    names.sort()
    return names
