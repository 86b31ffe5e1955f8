"""Every file is read again: does it still have the bytes that the catalogue says?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from pypitool.catalogue.against_log import compare_with_log
from pypitool.core.errors import PypitoolError
from pypitool.core.model import HeldFile
from pypitool.core.progress import ReadProgress, ignore_progress
from pypitool.repository.read_file import read_digests
from pypitool.repository.repository import Repository
from pypitool.store.failures import NoSuchFile
from pypitool.store.opened import stat_of
from pypitool.store.store import Store

_THREADS = 4
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that is not what the catalogue says."""

    file: HeldFile
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification read, and what it found."""

    files: int
    bytes: int
    differences: tuple[FileDifference, ...]


def verify(repository: Repository, progress: ReadProgress = ignore_progress) -> Verification:
    """Hash every file, and name what differs, also from the log of facts; nothing is changed."""
    _, total = repository.catalogue.counts()
    files, size, differences = 0, 0, []
    # Nothing is held but what is under way: there may be 100,000 files.
    for file, reason in _checked(repository.store, repository.catalogue.files()):
        files += 1
        size += file.stat.size
        if reason is not None:
            differences.append(FileDifference(file, reason))
        progress(files, max(total, files))
    for one in compare_with_log(repository.catalogue, repository.facts).found:
        if one.file is not None:
            differences.append(FileDifference(one.file, f"{one.reason}; `pypitool rescan` mends it"))
    return Verification(files, size, tuple(differences))


def _checked(store: Store, files: Iterator[HeldFile]) -> Iterator[tuple[HeldFile, str | None]]:
    check = partial(_difference, store)
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(files, _AT_ONCE)):
            yield from zip(some, pool.map(check, some), strict=True)


def _difference(store: Store, file: HeldFile) -> str | None:
    try:
        with store.open(file.location) as opened:
            digests = read_digests(opened.descriptor)
            settled = stat_of(os.fstat(opened.descriptor)) == opened.stat
    except NoSuchFile:
        return "it is missing"
    except (PypitoolError, OSError) as error:
        return f"it cannot be read: {getattr(error, 'cause', error)}"
    if digests == file.contents.digests:
        return None
    if not settled or opened.stat != file.stat:
        return "it was changed, and not read again yet"
    return (
        f"its bytes have changed (sha256 {digests.sha256[:12]}… instead of "
        f"{file.contents.digests.sha256[:12]}…), though its size and times have not"
    )
