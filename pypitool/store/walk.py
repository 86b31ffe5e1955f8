"""A walk over a tree of packages, in order of path: no hidden names, and no links that lead outside."""

from __future__ import annotations

import errno
import os
import stat as stat_bits
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.filenames import SIGNATURE, is_ignored
from pypitool.core.guard import Guard
from pypitool.core.model import Location
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.store.failures import ABSENT, unreadable
from pypitool.store.opened import Opened, is_utf8, open_regular, stat_of

_NOT_UTF8 = "its name is not UTF-8"
_LEADS_OUT = "it is a symbolic link that leads out of the package directories"


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
            if Guard.ends_the_turn(error):
                raise unreadable(Location(self.number, prefix), error) from error
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
        except OSError as error:
            if Guard.ends_the_turn(error):
                raise unreadable(location, error) from error
            return None  # it went while we walked
        if stat_bits.S_ISREG(result.st_mode):
            return Walked(location, stat_of(result), signed)
        return self.links.look(location, signed=signed) if stat_bits.S_ISLNK(result.st_mode) else None


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
