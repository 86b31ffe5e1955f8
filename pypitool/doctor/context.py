"""What is examined: the settings as far as they can be read, and a copy of the catalogue they name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.catalogue.against_log import Contradiction, compare_with_log
from pypitool.catalogue.database import copy_unnoticed
from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import make_current
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.config.faults import ConfigFault
from pypitool.config.settings import Settings
from pypitool.core.model import HeldFile, OriginKind, Problem
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import has_right
from pypitool.core.rights.tokens import Token
from pypitool.core.state_files import StateFiles
from pypitool.host import scratch_directory
from pypitool.repository.state import Survey, survey

# Of a longer log only `verify` takes the time: 10 MB of lines are read in a second.
_SOON_READ = 20 * 1024 * 1024


@dataclass(slots=True)
class Context:
    """One server, looked at from its own machine."""

    settings: Settings
    faults: tuple[ConfigFault, ...]
    environ: Mapping[str, str]
    now: datetime
    asks_upstream: bool = False  # for names of ours
    through: str | None = None  # the server's address at its proxy, to be tried with forged headers
    makes_packages: bool = False  # nobody has named any: `serve` makes its own
    copied: list[CatalogueCopy] = field(default_factory=list)  # the catalogue, once it was read

    @property
    def roots(self) -> tuple[Path, ...]:
        """The package directories."""
        return tuple(root.absolute() for root in self.settings.server.packages)

    @property
    def state(self) -> Path:
        """Where the state is, or would be; of one that is to be adopted, where it still is."""
        return self.survey.holding

    @property
    def survey(self) -> Survey:
        """The state that is asked for, beside others of the same directories."""
        return survey(self.roots, self.settings.server.state, self.environ)

    @property
    def is_written(self) -> bool:
        """Whether files come into the first directory through us: uploads, or what the mirror brings."""
        settings = self.settings
        if settings.sets:
            return True
        if settings.server.read_only or self.faults:
            return False
        rules = rules_of(settings)
        uploads = any(has_right(rule.may, Right.UPLOAD) for rule in rules.book.rules)
        return uploads or (rules.owners and rules.new_projects is not None)


@dataclass(frozen=True, slots=True)
class CatalogueCopy:
    """What a catalogue said at one moment."""

    uploaded: tuple[HeldFile, ...]
    problems: tuple[Problem, ...]
    tokens: tuple[Token, ...]
    misnamed: tuple[HeldFile, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()  # to the log of facts, where that is soon read
    sample: HeldFile | None = None  # any one that is served


def read_copy(path: Path) -> CatalogueCopy:
    """Read a catalogue, all of it, or raise why it cannot be read."""
    with _copy(path) as copy:
        facts = FactLog(StateFiles(path.parent).facts)
        make_current(copy, facts)
        with closing(SqliteCatalogue(copy)) as catalogue:
            contradictions = compare_with_log(catalogue, facts).found if facts.size() <= _SOON_READ else ()
            uploaded = tuple(file for file in catalogue.files() if file.origin.kind is OriginKind.UPLOADED)
            return CatalogueCopy(
                uploaded,
                catalogue.problems(),
                catalogue.tokens(),
                catalogue.misnamed(),
                tuple(contradictions),
                next(iter(catalogue.files()), None),
            )


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    with scratch_directory() as folder:
        copy = folder / path.name
        with closing(sqlite3.connect(copy)) as into:
            is_good = copy_unnoticed(path, into)
        if not is_good:
            raise CatalogueDamaged(path, "it cannot be read as a database")
        yield copy
