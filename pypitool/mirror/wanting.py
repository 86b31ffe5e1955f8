"""Which of the files here the sets want now, without asking anybody; when in doubt, a file is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.closure import Shelf, prove
from pypitool.core.mirror.selection import Wish
from pypitool.core.mirror.sync_plan import choose_files
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pinned


class NeverSynchronised(PypitoolError):
    """Sets that uv resolves have not been synchronised: what they want is not known."""

    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = tuple(names)
        self.hint = f"`pypitool sync {' '.join(names)}` finds it out; until then nothing is listed"

    def __str__(self) -> str:
        named = ", ".join(f"`{name}`" for name in self.names)
        return f"nobody knows what {named} wants: it was never synchronised"


@dataclass(frozen=True, slots=True)
class Wanting:
    """What the sets want."""

    files: Mapping[str, frozenset[str]]  # the filenames that each set wants
    versions: Mapping[NormalizedName, frozenset[Version]]  # that are pinned, also those that are not here

    def everything(self) -> frozenset[str]:
        """Return every file that any set wants."""
        return frozenset().union(*self.files.values())


def wanting(requests: Iterable[SetRequest], shelf: Shelf, record: MirrorRecord) -> Wanting:
    """Find out what the sets want; raise `NeverSynchronised` for those that only a run can tell of."""
    sets = [pinned(request, {}) for request in requests]
    unknown = [one.request.name for one in sets if _is_unknown(one, record)]
    if unknown:
        raise NeverSynchronised(unknown)
    versions: dict[NormalizedName, set[Version]] = defaultdict(set)
    for one in sets:
        for project, wish in _pins(one):
            versions[project].update(_versions(wish))
    files = {one.request.name: _wanted_by(one, shelf, record) for one in sets}
    return Wanting(files, {project: frozenset(found) for project, found in versions.items()})


def _is_unknown(one: PinnedSet, record: MirrorRecord) -> bool:
    return not _tells_all(one) and not record.wanted_lately(one.request.name)


def _tells_all(one: PinnedSet) -> bool:
    """Tell whether the lines of a set say which versions it wants, of everything."""
    request = one.request
    return request.closure is not Closure.RESOLVE and not request.inputs.unpinned(request.targets)


def _wanted_by(one: PinnedSet, shelf: Shelf, record: MirrorRecord) -> frozenset[str]:
    wanted = set(_chosen(one, shelf))
    for target in one.request.targets:
        # What a set needs is wanted although no line of it says so: another set may have brought it.
        wanted |= prove(one.roots(target), target, shelf, one.pins(target)).used
    return frozenset(wanted if _tells_all(one) else wanted | record.wanted_lately(one.request.name))


def _chosen(one: PinnedSet, shelf: Shelf) -> Iterator[str]:
    # What is here was fetched under rules that may have been others: they are no reason to let it go.
    rules = replace(one.request.rules, yanked=True, allow_unhashed=True, max_size=None)
    for project, wishes in one.wishes.items():
        bare = {target: Wish(project, wish.specifier) for target, wish in wishes.items() if wish.is_pinned}
        for file in choose_files(bare, shelf.candidates(project), rules).files:
            yield file.candidate.filename


def _pins(one: PinnedSet) -> Iterator[tuple[NormalizedName, Wish]]:
    for project, wishes in one.wishes.items():
        for wish in wishes.values():
            if wish.is_pinned:
                yield project, wish


def _versions(wish: Wish) -> Iterator[Version]:
    for clause in wish.specifier:
        if clause.operator in ("==", "===") and not clause.version.endswith(".*"):
            try:
                yield Version(clause.version)
            except InvalidVersion:
                continue
