"""What is held, project by project, and how each stands towards upstreams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.catalogue.catalogue import Reader
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.update_choice import Standing, current_version, standing_of
from pypitool.core.model import HeldFile, offered
from pypitool.mirror.shelf import candidate_of


@dataclass(frozen=True)
class HeldProject:
    """A project with its files, one for each filename."""

    name: NormalizedName
    files: tuple[HeldFile, ...]
    standing: Standing

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The files whose versions can be compared."""
        return tuple(filter(None, map(candidate_of, self.files)))

    @cached_property
    def have(self) -> Version | None:
        """The highest release; None: no version can be compared."""
        return current_version(candidate.version for candidate in self.candidates)

    @property
    def current(self) -> tuple[Candidate, ...]:
        """The files of the highest release."""
        return tuple(candidate for candidate in self.candidates if candidate.version == self.have)

    def folder(self) -> tuple[int, str]:
        """Return where the highest release lies: the number of the directory, and the path below it."""
        names = {candidate.filename for candidate in self.current}
        location = next(file.location for file in self.files if file.filename in names)
        return location.root, location.path.rpartition("/")[0]


def held_projects(reader: Reader, private: Iterable[str]) -> Iterator[HeldProject]:
    """Iterate over everything that is held, in order of name."""
    globs = tuple(private)
    by_project: dict[NormalizedName, list[HeldFile]] = defaultdict(list)
    for file in reader.files():
        by_project[file.project].append(file)
    for name in sorted(by_project):
        files = by_project[name]
        yield HeldProject(name, offered(files), standing_of(name, files, globs))
