"""A look at a catalogue that leaves no trace: at a copy of it, which is read as a whole."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.catalogue.rebuild import make_current
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.model import HeldFile, OriginKind, Problem
from pypitool.core.rights.tokens import Token
from pypitool.mirror.workspace import copy_database


@dataclass(frozen=True, slots=True)
class Copied:
    """What a catalogue said at one moment."""

    uploaded: tuple[HeldFile, ...]
    problems: tuple[Problem, ...]
    tokens: tuple[Token, ...]


def read_copy(path: Path) -> Copied:
    """Read a catalogue, all of it, or raise why it cannot be read."""
    with _copy(path) as copy:
        make_current(copy)
        with closing(SqliteCatalogue.open(copy)) as catalogue:
            uploaded = tuple(file for file in catalogue.files() if file.origin.kind is OriginKind.UPLOADED)
            return Copied(uploaded, catalogue.problems(), catalogue.tokens())


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pypitool-") as folder:
        copy = Path(folder) / path.name
        with closing(sqlite3.connect(copy)) as into:
            is_good = copy_database(path, into)
        if not is_good:
            raise CatalogueDamaged(path, "it cannot be read as a database")
        yield copy
