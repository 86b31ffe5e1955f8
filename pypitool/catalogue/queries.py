"""What is asked of a SQLite catalogue: each question is one statement, and leaves nothing open."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from packaging.utils import NormalizedName

from pypitool.catalogue import decisions, writes
from pypitool.catalogue.catalogue import Deletion, FileFact, Known, Pending
from pypitool.catalogue.connections import Readers
from pypitool.catalogue.rows import COLUMNS, from_path, from_row, to_path, to_stat
from pypitool.core.model import (
    Changes,
    HeldFile,
    Location,
    Origin,
    OriginKind,
    Problem,
    Project,
    ProjectList,
    ProjectStatus,
    offered,
)
from pypitool.core.rights.tokens import Token

T = TypeVar("T", str, tuple[int, str])

_PAGE = 1000  # rows that an iteration reads at once


class SqliteReader:
    """Implements `Reader`; keeps nothing in memory but a connection for each thread."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self._readers = Readers(path, read_only=read_only)
        self._understood = self._readers
        self._ask = self._readers.ask
        self._ask_many = self._readers.ask_many
        # Without a call in between: it is asked at every request.
        self.stamp = self._readers.stamp

    def look_again(self) -> None:
        self._readers.look_soon()

    def serial(self) -> int:
        return self._head("serial")

    def changes_since(self, serial: int) -> Changes:
        # One statement: what it returns is of one moment.
        rows = self._ask(
            "SELECT serial, rights_serial, base, "
            "  (SELECT json_group_array(name) FROM project WHERE project.serial > ?) FROM head",
            (serial,),
        )
        with self._understood:
            last, rights, base, projects = rows[0]
            changed = frozenset(json.loads(projects))
            return Changes(last, changed, rights > serial, base > serial)

    def project_names(self) -> tuple[NormalizedName, ...]:
        return tuple(row[0] for row in self._ask_many("name", "project WHERE listed ORDER BY name"))

    def project_list(self) -> ProjectList:
        # Where it begins is asked first: if another history takes its place meanwhile, that is higher still.
        begins = self._head("base")
        rows = self._ask_many("name, serial, listed", "project ORDER BY name")
        with self._understood:
            listed = {name: serial for name, serial, listed in rows if listed}
            return ProjectList(listed, {name: serial for name, serial, listed in rows if not listed}, begins)

    def project(self, name: NormalizedName) -> Project | None:
        # The serial before the files: if a change comes in between, the page is known to be old.
        about = self._ask("SELECT serial, status, reason FROM project WHERE name = ? AND listed", (name,))
        rows = about and self._ask_many(COLUMNS, "file WHERE project = ?", (name,))
        if not rows:
            return None
        with self._understood:
            serial, status, reason = about[0]
            return Project(name, serial, offered(map(from_row, rows)), ProjectStatus(status), reason)

    def status(self, project: NormalizedName) -> tuple[ProjectStatus, str | None]:
        rows = self._ask("SELECT status, reason FROM project WHERE name = ?", (project,))
        with self._understood:
            return (ProjectStatus(rows[0][0]), rows[0][1]) if rows else (ProjectStatus.ACTIVE, None)

    def projects_in(self, status: ProjectStatus) -> frozenset[NormalizedName]:
        return frozenset(
            row[0] for row in self._ask("SELECT name FROM project WHERE status = ?", (status.value,))
        )

    def held(self, project: NormalizedName) -> tuple[HeldFile, ...]:
        rows = self._ask_many(COLUMNS, "file WHERE project = ? ORDER BY root, path", (project,))
        return self._files(rows)

    def rivals(self, filenames: Sequence[str] | None = None) -> tuple[HeldFile, ...]:
        among = "" if filenames is None else "WHERE filename IN (SELECT value FROM json_each(?))"
        rows = self._ask_many(
            COLUMNS,
            "file WHERE filename IN ("
            f"  SELECT filename FROM file {among} GROUP BY filename HAVING count(DISTINCT sha256) > 1)",
            () if filenames is None else (json.dumps(list(filenames)),),
        )
        return self._files(rows)

    def file_at(self, path: str) -> HeldFile | None:
        # By filename, for which there is an index whatever the number of roots. A filename alone is the
        # address in a lock that was written before anybody knew where the file would lie.
        where = "filename = ?2" if "/" not in path else "filename = ?1 AND path = ?2"
        rows = self._ask(
            f"SELECT {COLUMNS} FROM file WHERE {where} ORDER BY path != ?2, root, length(path), path LIMIT 1",
            (to_path(path.rpartition("/")[2]), to_path(path)),
        )
        return next(iter(self._files(rows)), None)

    def held_at(self, location: Location) -> HeldFile | None:
        place = (location.root, to_path(location.path))
        rows = self._ask(f"SELECT {COLUMNS} FROM file WHERE root = ? AND path = ?", place)
        return next(iter(self._files(rows)), None)

    def knows(self, filename: str, sha256: str) -> bool:
        return bool(self._ask(f"SELECT {decisions.KNOWN}", ("", to_path(filename), sha256))[0][0])

    def is_reserved(self, release_key: str, filename: str, sha256: str) -> bool:
        return bool(self._ask(decisions.IS_RESERVED, (release_key, to_path(filename), sha256))[0][0])

    def files(self) -> Iterator[HeldFile]:
        after: tuple[int, str] = (-1, "")
        while rows := self._ask_many(
            COLUMNS, f"file WHERE (root, path) > (?, ?) ORDER BY root, path LIMIT {_PAGE}", after
        ):
            files = self._files(rows)
            after = self._further(after, (files[-1].location.root, files[-1].location.path))
            yield from files

    def metadata(self, sha256: str) -> bytes | None:
        rows = self._ask("SELECT body FROM metadata WHERE sha256 = ?", (sha256,))
        with self._understood:
            return zlib.decompress(rows[0][0]) if rows else None

    def problems(self) -> tuple[Problem, ...]:
        rows = self._ask(
            "SELECT root, path, reason, size, mtime_ns, ctime_ns, inode FROM problem ORDER BY root, path"
        )
        with self._understood:
            return tuple(
                Problem(Location(root, from_path(path)), reason, None if stat[0] is None else to_stat(stat))
                for root, path, reason, *stat in rows
            )

    def misnamed(self) -> tuple[HeldFile, ...]:
        return self._files(
            self._ask(f"SELECT {COLUMNS} FROM file WHERE misnamed IS NOT NULL ORDER BY root, path")
        )

    def counts(self) -> tuple[int, int]:
        rows = self._ask("SELECT (SELECT count(*) FROM project WHERE listed), (SELECT count(*) FROM file)")
        return rows[0][0], rows[0][1]

    def file_counts(self) -> dict[NormalizedName, int]:
        return dict(self._ask("SELECT project, count(*) FROM file GROUP BY project"))

    def holds(self, project: NormalizedName) -> bool:
        rows = self._ask("SELECT EXISTS (SELECT 1 FROM file WHERE project = ?)", (project,))
        return bool(rows[0][0])

    def owners(self, project: NormalizedName) -> tuple[str, ...]:
        """Return who owns a project, sorted, whether a file of it is held or not."""
        rows = self._ask("SELECT who FROM owner WHERE project = ? ORDER BY who", (project,))
        return tuple(row[0] for row in rows)

    def owned(self, who: str) -> frozenset[NormalizedName]:
        return frozenset(row[0] for row in self._ask("SELECT project FROM owner WHERE who = ?", (who,)))

    def keeps(self, project: NormalizedName) -> bool:
        """Tell whether a name is ours whatever files are left."""
        rows = self._ask(
            "SELECT EXISTS (SELECT 1 FROM uploaded WHERE project = ?) "
            "OR EXISTS (SELECT 1 FROM owner WHERE project = ?)",
            (project, project),
        )
        return bool(rows[0][0])

    def kept_names(self) -> frozenset[NormalizedName]:
        rows = self._ask("SELECT project FROM uploaded UNION SELECT project FROM owner")
        return frozenset(row[0] for row in rows)

    def known(self, root: int, below: str = "") -> Iterator[Known]:
        folder = below.strip("/")
        if to_path(folder) != folder:
            return  # nothing below a name that is not UTF-8 is ever listed
        after = f"{folder}/" if folder else ""
        # "0" follows "/"; without a folder the end is a blob, which follows every text.
        end = f"{folder}0" if folder else b""
        while rows := self._ask_many(
            "path, size, mtime_ns, ctime_ns, inode, signed",
            f"file WHERE root = ? AND path > ? AND path < ? ORDER BY path LIMIT {_PAGE}",
            (root, after, end),
        ):
            with self._understood:
                known = [Known(Location(root, row[0]), to_stat(row[1:5]), bool(row[5])) for row in rows]
            after = self._further(after, known[-1].location.path)
            yield from known

    def known_at(self, locations: Sequence[Location]) -> Iterator[Known]:
        for location in locations:
            place = (location.root, to_path(location.path))
            rows = self._ask(
                "SELECT size, mtime_ns, ctime_ns, inode, signed FROM file WHERE root = ? AND path = ?", place
            )
            with self._understood:
                known = [Known(location, to_stat(row[:4]), bool(row[4])) for row in rows]
            yield from known

    def pending(self) -> tuple[Pending, ...]:
        rows = self._ask(f"SELECT {COLUMNS}, temporary FROM pending ORDER BY root, path")
        with self._understood:
            return tuple(Pending(from_row(row), row[-1]) for row in rows)

    def held_under(self, release_key: str) -> HeldFile | None:
        for table in ("file", "pending"):
            rows = self._ask(
                f"SELECT {COLUMNS} FROM {table} WHERE release_key = ? "
                "ORDER BY root, length(path), path LIMIT 1",
                (release_key,),
            )
            if rows:
                return self._files(rows)[0]
        return None

    def fact(self, filename: str) -> FileFact | None:
        """Return what people decided about a filename: its yank, and the arrival of its last bytes."""
        arrivals = self._ask(
            "SELECT project, sha256, upload_time, origin_kind, origin_detail FROM arrival "
            "WHERE filename = ? ORDER BY rowid DESC LIMIT 1",
            (filename,),
        )
        yanks = self._ask("SELECT project, reason FROM yank WHERE filename = ?", (filename,))
        yanked = yanks[0][1] if yanks else None
        if arrivals:
            project, sha256, upload_time, kind, detail = arrivals[0]
            with self._understood:
                origin = Origin(OriginKind(kind), detail) if kind else None
            return FileFact(filename, project, sha256, upload_time, origin, yanked)
        return FileFact(filename, yanks[0][0], yanked=yanked) if yanks else None

    def deletions(self) -> tuple[Deletion, ...]:
        places: dict[tuple[str, str], list[Location]] = {}
        for filename, sha256, root, path in self._ask(
            "SELECT deletion.filename, deletion.sha256, root, path "
            "FROM deletion LEFT JOIN file USING (filename, sha256)"
        ):
            found = places.setdefault((filename, sha256), [])
            if path is not None:
                found.append(Location(root, path))
        return tuple(Deletion(*name, tuple(found)) for name, found in places.items())

    def is_complete(self) -> bool:
        """Tell whether the directories were walked to their end once."""
        return bool(self._head("complete"))

    def rights_serial(self) -> int:
        return self._head("rights_serial")

    def token(self, hash: str) -> Token | None:
        return next(iter(self._tokens("WHERE hash = ?", hash)), None)

    def tokens(self) -> tuple[Token, ...]:
        return self._tokens("ORDER BY created, hash")

    def facts_end(self) -> int:
        return self._head("facts_end")

    def close(self) -> None:
        self._readers.close()

    def _files(self, rows: Sequence[Sequence[object]]) -> tuple[HeldFile, ...]:
        with self._understood:
            return tuple(map(from_row, rows))

    def _tokens(self, which: str, *parameters: str) -> tuple[Token, ...]:
        rows = self._ask(f"SELECT {writes.OF_TOKENS} FROM token {which}", parameters)
        with self._understood:
            return tuple(map(writes.token_of_row, rows))

    def _head(self, column: str) -> int:
        rows = self._ask(f"SELECT {column} FROM head")
        with self._understood:
            return int(rows[0][0])

    def _further(self, after: T, last: T) -> T:
        # An index that is out of order would let an iteration begin again and again.
        with self._understood:
            if not last > after:
                raise LookupError(f"{last} after {after}")
        return last
