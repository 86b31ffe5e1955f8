"""A catalogue is opened whatever its state: new, older, damaged, lost.

What people decided is never lost with it: the log of facts is replayed, and the directories tell the rest.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.catalogue import decisions, schema, writes
from pypitool.catalogue.catalogue import Decisions
from pypitool.catalogue.database import (
    connect,
    copy_pages,
    journals,
    locked_alone,
    locked_shared,
    put_in_place,
    remove,
    set_aside,
    unused,
)
from pypitool.catalogue.errors import (
    NONSENSE,
    CatalogueDamaged,
    CatalogueMissing,
    CatalogueOld,
    translate,
)
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.replay import apply_all, read_whole, replay_missed
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.host import open_no_link

_log = logging.getLogger(__name__)


def open_catalogue(
    path: Path,
    facts: FactLog,
    *,
    reader_only: bool = False,
    mends: bool = True,
    migrations: Mapping[int, str] = schema.MIGRATIONS,
) -> SqliteCatalogue:
    """Open the catalogue at `path`; make, migrate or (unless it is not to be mended) rebuild it first."""
    if reader_only:
        with locked_shared(path):
            _inspect(path, migrations, mode="rw" if os.access(path, os.W_OK) else "ro")
        return SqliteCatalogue(path, reader_only=True)
    try:
        with locked_shared(path):
            _inspect(path, migrations)
    except (CatalogueMissing, CatalogueDamaged, CatalogueOld) as error:
        if isinstance(error, CatalogueDamaged) and not mends:
            raise
        _mend(path, facts, migrations)
    catalogue = SqliteCatalogue(path)
    try:
        replay_missed(catalogue, facts)
    except CatalogueDamaged:
        if not mends:
            raise
        _mend(path, facts, migrations, thoroughly=True)
        replay_missed(catalogue, facts)
    return catalogue


def repair(path: Path, facts: FactLog) -> bool:
    """Read the whole catalogue; set it aside and rebuild it if it is damaged, and tell whether it was."""
    try:
        with locked_shared(path):
            _inspect(path, thoroughly=True)
    except (CatalogueMissing, CatalogueDamaged, CatalogueOld):
        _mend(path, facts, thoroughly=True)
        return True
    return False


def make_anew(path: Path, facts: FactLog) -> None:
    """Make a catalogue from the log alone: the files in the one that is there are of other directories."""
    with facts.locked() as end, locked_alone(path):
        _make(path, facts, end, after=last_serial(path))


def make_current(path: Path, facts: FactLog) -> None:
    """Check a catalogue that nobody uses yet, all of it, and migrate it if it is older."""
    try:
        _inspect(path)
    except CatalogueOld:
        with closing(connect(path)) as connection:
            _lead_to_current(connection, facts)
    _inspect(path, thoroughly=True)


def begin_new_history(path: Path, *, after: int) -> None:
    """Let a catalogue that nobody uses yet follow another one, so that nobody takes it for the same."""
    with closing(connect(path)) as connection:
        schema.begin_new_history(connection, after=after)


def is_behind(path: Path) -> bool:
    """Tell whether the next opening migrates this catalogue; refuse one that a newer pypitool made.

    Nothing is locked, and no journal made: whoever asks may be about to upgrade a server that runs.
    """
    with suppress(FileNotFoundError, PermissionError), open(open_no_link(path, os.O_RDONLY), "rb") as file:
        return schema.is_behind(file.read(schema.HEAD_BYTES), path)
    return False


def _inspect(
    path: Path,
    migrations: Mapping[int, str] = schema.MIGRATIONS,
    *,
    thoroughly: bool = False,
    mode: str = "rw",
) -> None:
    if not path.exists():
        raise CatalogueMissing(path, "the file is missing")
    _refuse_foreign_journal(path)
    try:
        with closing(connect(path, mode=mode)) as connection:
            behind = schema.check(connection, path, migrations)
            if thoroughly and not behind:  # an older one lacks tables
                schema.check_thoroughly(connection, path)
    except (sqlite3.Error, *NONSENSE) as error:
        raise translate(error, path) from error
    if behind:
        raise CatalogueOld(path, behind)


def _refuse_foreign_journal(path: Path) -> None:
    # SQLite passes over a journal that does not begin as one, and over all that was committed to it.
    with suppress(FileNotFoundError), journals(path)[0].open("rb") as file:
        magic = file.read(4)
        if magic and magic not in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"):
            raise CatalogueDamaged(path, "its journal is not one")


def _mend(
    path: Path,
    facts: FactLog,
    migrations: Mapping[int, str] = schema.MIGRATIONS,
    *,
    thoroughly: bool = False,
) -> None:
    # The log is locked before the catalogue, as in `replay_missed`. Inspected again: another process may have
    # mended it while we waited.
    with facts.locked() as end, locked_alone(path):
        try:
            _inspect(path, migrations, thoroughly=thoroughly)
        except CatalogueOld:
            _migrate(path, facts, migrations)
        except CatalogueDamaged as error:
            aside = set_aside(path)
            _log.error("%s; it is set aside as %s and rebuilt", error, aside.name)
            _make(path, facts, end, after=last_serial(aside))
        except CatalogueMissing:
            if end or thoroughly:  # a repair is of something that was there
                _log.error("the catalogue %s is lost: it is rebuilt", path)
            _make(path, facts, end, after=0)


def _migrate(path: Path, facts: FactLog, migrations: Mapping[int, str]) -> None:
    copy = unused(path, "before-migration")
    try:
        with closing(sqlite3.connect(copy)) as beside:
            copy_pages(path, beside)
        with closing(connect(path)) as connection:
            kept = _lead_to_current(connection, facts, migrations)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    _log.warning("%s is migrated to this version; as it was it is kept as %s", path, copy.name)
    if kept:
        _log.warning(
            "uploaded here once, without a file now, and looked for nowhere else from now on: %s; "
            "`pypitool delete NAME --give-up-name` ends that",
            ", ".join(kept),
        )


def _lead_to_current(
    connection: sqlite3.Connection, facts: FactLog, migrations: Mapping[int, str] = schema.MIGRATIONS
) -> tuple[NormalizedName, ...]:
    """Migrate; return the names of which only the log of facts knows that they are ours."""
    whole, kept = read_whole(facts), list[NormalizedName]()

    def fill(inside: sqlite3.Connection) -> None:
        kept.extend(writes.keep(inside, whole.uploaded))
        decisions.reserve(inside, whole.reserved)

    schema.migrate(connection, migrations, fill=fill)
    return tuple(kept)


def _make(path: Path, facts: FactLog, end: int, *, after: int) -> None:
    new = path.with_name(f".{path.name}.new")
    remove(new, *journals(new))
    try:
        schema.create(new, after=after)
        if end:
            _fill(new, facts, end)
        put_in_place(new, path)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    finally:
        remove(new, *journals(new))


def _fill(new: Path, facts: FactLog, end: int) -> None:
    with closing(connect(new)) as connection:

        def apply(outcome: Decisions) -> None:
            with connection:  # commits, or undoes it and raises
                connection.execute("BEGIN")
                writes.replay(connection, outcome, time.time())

        apply_all(facts.replay(), apply)
        connection.execute("UPDATE head SET facts_end = ?", (end,))


def last_serial(path: Path) -> int:
    """Return how far a catalogue counted, 0 if it cannot be read."""
    try:
        with closing(connect(path, mode="ro")) as connection:
            return int(connection.execute("SELECT serial FROM head").fetchone()[0])
    except (sqlite3.Error, *NONSENSE):
        return 0
