"""Between the rows of the catalogue's tables and our values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from pypitool.core.model import Contents, Digests, FileKind, FileStat, HeldFile, Location, Origin, OriginKind
from pypitool.core.text import timestamp

COLUMNS = (
    "root, path, filename, project, version, kind, release_key, size, mtime_ns, ctime_ns, inode, "
    "sha256, blake2b, md5, requires_python, metadata_sha256, signed, provenance, "
    "upload_time, origin_kind, origin_detail, yanked, misnamed"
)
PLACES = ", ".join("?" * len(COLUMNS.split(",")))

_KINDS = {kind.value: kind for kind in FileKind}
_LARGEST = 2**63


def to_row(file: HeldFile) -> tuple[object, ...]:
    """Return the values of `COLUMNS`."""
    contents, digests = file.contents, file.contents.digests
    return (
        file.location.root,
        to_path(file.location.path),
        file.filename,
        file.project,
        file.version,
        file.kind.value,
        file.release_key,
        *stat_row(file.stat),
        digests.sha256,
        digests.blake2b,
        digests.md5,
        contents.requires_python,
        contents.metadata_sha256,
        int(file.signed),
        file.provenance,
        file.upload_time,
        file.origin.kind.value,
        file.origin.detail,
        file.yanked,
        contents.misnamed,
    )


def from_row(row: Sequence[Any]) -> HeldFile:
    """Return the file whose values of `COLUMNS` these are."""
    return HeldFile(
        Location(row[0], row[1]),
        row[3],
        row[4],
        _KINDS[row[5]],
        row[6],
        FileStat(row[7], int(row[8]), int(row[9]), int(row[10])),
        Contents(Digests(row[11], row[12], row[13]), row[14], row[15], row[22]),
        row[18],
        _origin(row[19], row[20]),
        row[21],
        bool(row[16]),
        row[17],
    )


@lru_cache(maxsize=256)
def _origin(kind: str, detail: str) -> Origin:
    # Thousands of files have few origins: one value for each saves time and memory.
    return Origin(OriginKind(kind), detail)


def stat_row(stat: FileStat) -> tuple[int | str, ...]:
    """Return size, mtime_ns, ctime_ns and inode."""
    return stat.size, _to_number(stat.mtime_ns), _to_number(stat.ctime_ns), _to_number(stat.inode)


def to_stat(row: Sequence[Any]) -> FileStat:
    """Undo `stat_row`."""
    return FileStat(row[0], int(row[1]), int(row[2]), int(row[3]))


def to_path(path: str) -> str | bytes:
    """Return what SQLite can hold of a path: the bytes of a name that is not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode(errors="surrogateescape")
    return path


def from_path(value: str | bytes) -> str:
    """Undo `to_path`."""
    return value if isinstance(value, str) else value.decode(errors="surrogateescape")


def copied_time(mtime_ns: int, now: float) -> str:
    """Return the upload time of a file that was copied in: its own time, but never a future one."""
    seconds, nanoseconds = divmod(min(max(mtime_ns, 0), int(now * 10**9)), 10**9)
    moment = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=nanoseconds // 1000)
    return timestamp(moment)


def _to_number(number: int) -> int | str:
    return number if -_LARGEST <= number < _LARGEST else str(number)
