"""What earlier runs learned: pages, choices, which set wanted what, and how each run went.

Losing this file costs time and nothing else: pages are read again, and `prune` lists nothing until sets have
been synchronised once more.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from pypitool.catalogue.database import connect, copy_unnoticed, journals, open_expendable, remove
from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import Event
from pypitool.core.mirror.run_summary import Summary, summary_of
from pypitool.upstream.fetch_page import KnownPage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (
    upstream TEXT NOT NULL, project TEXT NOT NULL, etag TEXT, body_sha256 TEXT NOT NULL,
    status TEXT NOT NULL, status_reason TEXT, listing BLOB NOT NULL,
    PRIMARY KEY (upstream, project)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS choice (
    project TEXT NOT NULL, question TEXT NOT NULL, upstream TEXT NOT NULL, body_sha256 TEXT NOT NULL,
    files TEXT NOT NULL, PRIMARY KEY (project, question)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    wanted_by TEXT NOT NULL, filename TEXT NOT NULL, last_wanted TEXT NOT NULL,
    PRIMARY KEY (wanted_by, filename)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proven (
    wanted_by TEXT PRIMARY KEY, at TEXT NOT NULL, filenames TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upstream_yank (
    filename TEXT PRIMARY KEY, reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT, command TEXT NOT NULL, started TEXT NOT NULL,
    summary TEXT, events BLOB
);
"""
# Nobody knows of an older record which runs were proven: what each set wanted last counts as that, once.
_VERSION = 1
_ALL_PROVEN = """
INSERT INTO proven
SELECT wanted_by, last_wanted, json_group_array(filename) FROM member
WHERE last_wanted = (SELECT max(last_wanted) FROM member AS later WHERE later.wanted_by = member.wanted_by)
GROUP BY wanted_by
"""
_KEPT_RUNS = 1000
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class RememberedPage:
    """A page as an earlier run read it."""

    known: KnownPage
    status: str
    status_reason: str | None
    packed: bytes  # see `Listing.pack`


@dataclass(frozen=True, slots=True)
class RememberedChoice:
    """What an earlier run chose from a page, for the same question."""

    upstream: str
    body_sha256: str
    files: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run as `pypitool runs` shows it."""

    number: int
    command: str
    started: str
    summary: Summary | None  # None: it runs, or ended without a word
    job: str | None = None


class MirrorRecord:
    """The record of one directory, used by one thread at a time."""

    def __init__(self, path: Path, *, scratch: bool = False, reading: bool = False) -> None:
        """Open the record; a scratch one is a copy in memory, and what is written to it is forgotten.

        One for reading is never written, and copied only where it cannot be read as it is.
        """
        if reading:
            self._connection = _open_to_read(path)
        else:
            self._connection = _copy(path) if scratch else _open(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write everything inside in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # On a full disk SQLite has rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def known_pages(self) -> Mapping[tuple[str, str], KnownPage]:
        """Return what tells each page from a newer one, by upstream and project."""
        rows = self._connection.execute("SELECT upstream, project, etag, body_sha256 FROM page")
        return {(upstream, project): KnownPage(etag, body) for upstream, project, etag, body in rows}

    def page(self, upstream: str, project: NormalizedName) -> RememberedPage | None:
        """Return a page as it was read."""
        row = self._connection.execute(
            "SELECT etag, body_sha256, status, status_reason, listing FROM page "
            "WHERE upstream = ? AND project = ?",
            (upstream, project),
        ).fetchone()
        if row is None:
            return None
        etag, body, status, reason, packed = row
        return RememberedPage(KnownPage(etag, body), status, reason, packed)

    def page_status(self, upstream: str, project: NormalizedName) -> tuple[str, str | None]:
        """Return the status of a project on a remembered page, and its reason."""
        row = self._connection.execute(
            "SELECT status, status_reason FROM page WHERE upstream = ? AND project = ?", (upstream, project)
        ).fetchone()
        return (str(row[0]), row[1]) if row is not None else ("active", None)

    def keep_page(self, upstream: str, project: NormalizedName, page: RememberedPage) -> None:
        """Remember a page."""
        self._connection.execute(
            "INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                upstream,
                project,
                page.known.etag,
                page.known.body_sha256,
                page.status,
                page.status_reason,
                page.packed,
            ),
        )

    def choice(self, project: NormalizedName, question: str) -> RememberedChoice | None:
        """Return what was chosen for this question."""
        row = self._connection.execute(
            "SELECT upstream, body_sha256, files FROM choice WHERE project = ? AND question = ?",
            (project, question),
        ).fetchone()
        return RememberedChoice(*row) if row is not None else None

    def keep_choice(self, project: NormalizedName, question: str, choice: RememberedChoice) -> None:
        """Remember a choice."""
        self._connection.execute(
            "INSERT OR REPLACE INTO choice VALUES (?, ?, ?, ?, ?)",
            (project, question, choice.upstream, choice.body_sha256, choice.files),
        )

    def want(self, wanted_by: str, filenames: Iterable[str], now: str) -> None:
        """Note that a set wants these files; what it no longer wants keeps the time that it last did."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO member VALUES (?, ?, ?)", [(wanted_by, name, now) for name in filenames]
        )

    def last_wanted(self) -> Mapping[str, str]:
        """Return when any set last wanted each file."""
        rows = self._connection.execute("SELECT filename, max(last_wanted) FROM member GROUP BY filename")
        return dict(rows.fetchall())

    def wanted_lately(self, wanted_by: str) -> frozenset[str]:
        """Return the files that a set wanted when it was synchronised last."""
        rows = self._connection.execute(
            "SELECT filename FROM member WHERE wanted_by = ? "
            "AND last_wanted = (SELECT max(last_wanted) FROM member WHERE wanted_by = ?)",
            (wanted_by, wanted_by),
        )
        return frozenset(filename for (filename,) in rows)

    def keep_proven(self, wanted_by: str, filenames: Iterable[str], now: str) -> None:
        """Note that a set was proven to install, and which files it wanted then."""
        names = json.dumps(sorted(filenames))
        self._connection.execute("INSERT OR REPLACE INTO proven VALUES (?, ?, ?)", (wanted_by, now, names))

    def proven(self) -> Mapping[str, frozenset[str]]:
        """Return the files that each set wanted in its last proven run."""
        rows = self._connection.execute("SELECT wanted_by, filenames FROM proven")
        return {wanted_by: frozenset(json.loads(names)) for wanted_by, names in rows}

    def known_sets(self) -> frozenset[str]:
        """Return the sets that were ever synchronised."""
        return frozenset(
            name for (name,) in self._connection.execute("SELECT DISTINCT wanted_by FROM member")
        )

    def members(self, sets: Iterable[str]) -> frozenset[str]:
        """Return the files that these sets have ever wanted."""
        found: set[str] = set()
        for name in sets:
            rows = self._connection.execute("SELECT filename FROM member WHERE wanted_by = ?", (name,))
            found.update(filename for (filename,) in rows)
        return frozenset(found)

    def fetched_since(self, number: int) -> frozenset[str]:
        """Return the files that were fetched after a run."""
        later = [run.number for run in self.runs() if run.number > number]
        events = (event for run in later for event in self.events(run))
        return frozenset(str(event["name"]) for event in events if event.get("outcome") == "fetched")

    def upstream_yanks(self) -> Mapping[str, str]:
        """Return the yanks that came from an upstream, by filename."""
        return dict(self._connection.execute("SELECT filename, reason FROM upstream_yank").fetchall())

    def keep_upstream_yank(self, filename: str, reason: str | None) -> None:
        """Remember what an upstream said of a file: yanked for a reason, or not."""
        if reason is None:
            self._connection.execute("DELETE FROM upstream_yank WHERE filename = ?", (filename,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO upstream_yank VALUES (?, ?)", (filename, reason))

    def begin_run(self, command: str, started: str, job: str | None = None) -> int:
        """Write down that a run has begun, and return its number."""
        cursor = self._connection.execute(
            "INSERT INTO run (job, command, started) VALUES (?, ?, ?)", (job, command, started)
        )
        number = cursor.lastrowid
        assert number is not None
        self._connection.execute("DELETE FROM run WHERE id <= ?", (number - _KEPT_RUNS,))
        return number

    def end_run(self, number: int, summary: Summary, events: Sequence[Event]) -> None:
        """Write down how a run went."""
        lines = json.dumps([document(event) for event in events], separators=(",", ":"))
        self._connection.execute(
            "UPDATE run SET summary = ?, events = ? WHERE id = ?",
            (json.dumps(summary.as_json()), zlib.compress(lines.encode()), number),
        )

    def runs(self) -> tuple[Run, ...]:
        """Return every run, newest first."""
        rows = self._connection.execute("SELECT id, command, started, summary, job FROM run ORDER BY id DESC")
        return tuple(_run(*row) for row in rows)

    def run(self, number: int) -> Run | None:
        """Return one run."""
        row = self._connection.execute(
            "SELECT id, command, started, summary, job FROM run WHERE id = ?", (number,)
        ).fetchone()
        return _run(*row) if row is not None else None

    def last_run_of(self, job: str) -> Run | None:
        """Return the last run of a job."""
        row = self._connection.execute(
            "SELECT id, command, started, summary, job FROM run WHERE job = ? ORDER BY id DESC LIMIT 1",
            (job,),
        ).fetchone()
        return _run(*row) if row is not None else None

    def events(self, number: int) -> tuple[Mapping[str, object], ...]:
        """Return what happened in a run, as its `--json` printed it."""
        row = self._connection.execute("SELECT events FROM run WHERE id = ?", (number,)).fetchone()
        return tuple(json.loads(zlib.decompress(row[0]))) if row is not None and row[0] else ()


def _run(number: int, command: str, started: str, summary: str | None, job: str | None) -> Run:
    return Run(number, command, started, summary_of(json.loads(summary)) if summary else None, job)


class RecordDamaged(PypitoolError):
    """What earlier runs have left cannot be read."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    sentence = "{path} is damaged"
    hint = "run `pypitool sync` again: it is made anew; until then `prune` removes nothing"
    path: Path


@contextmanager
def named_damage(path: Path, *, mend: bool) -> Iterator[None]:
    """Say of a record that turns out to be damaged what it is; with `mend` it goes, as at an opening.

    Opening looks at the beginning alone, and looking at all of it would take longer than many a run.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The others are of the disk, of rights, of another process, or of a statement of ours.
        if type(error) is not sqlite3.DatabaseError or not _is_damaged(path):
            raise
        if mend:
            remove(*journals(path), path)
        raise RecordDamaged(path) from error


def _is_damaged(path: Path) -> bool:
    try:
        with closing(connect(path, timeout=_TIMEOUT, mode="ro")) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


class _Connection(sqlite3.Connection):
    """A connection that calls a full disk by its name."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if "full" not in str(error):
                raise
            raise NoSpace("the record of the mirror's runs") from error


def _open(path: Path) -> sqlite3.Connection:
    # Damaged: everything in it can be learned again.
    connection = open_expendable(
        path, _SCHEMA, ("synchronous = NORMAL",), timeout=_TIMEOUT, mend=True, factory=_Connection
    )
    _migrate(connection)
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) >= _VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) < _VERSION:  # nobody was faster
        connection.execute(_ALL_PROVEN)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        return _copy(path)
    connection = connect(path, timeout=_TIMEOUT, mode="ro")
    try:
        connection.execute("SELECT 1 FROM run LIMIT 1")
    except sqlite3.Error:
        connection.close()
        return _copy(path)
    return connection


def _copy(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    if not copy_unnoticed(path, connection):
        connection.close()
        connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(_SCHEMA)
    _migrate(connection)
    return connection
