"""What files depend on that are not here: read at their upstream, one small request for each release."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile

from packaging.requirements import Requirement

from pypitool.archives.archive import metadata_of_wheel_end
from pypitool.archives.open_archive import BrokenArchive
from pypitool.core.errors import PypitoolError
from pypitool.core.giving_up import Reach
from pypitool.core.guard import Guard
from pypitool.core.limits import FILE_BYTES, METADATA
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind
from pypitool.core.progress import TransferProgress
from pypitool.mirror.available import requirements_in
from pypitool.upstream.answer_bodies import read_bounded
from pypitool.upstream.session import Response, UpstreamSession
from pypitool.upstream.upstream_errors import (
    NotAnIndexPage,
    Stopped,
    Unreachable,
    UpstreamUnavailable,
)

Requirements = tuple[Requirement, ...]

# Bytes at the end of a wheel: its RECORD and directory have 200 for each of its files. A few have thousands.
_ENDS = (256 * 1024, 2 * 1024**2)
_UP_TO_THE_END = re.compile(r"bytes \d{1,15}-(\d{1,15})/(\d{1,15})")


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that is not here, and the upstream that offers it."""

    candidate: Candidate
    upstream: str


def read_dependencies(
    files: Iterable[OfferedFile],
    sessions: Sequence[UpstreamSession],
    stop: threading.Event,
    progress: TransferProgress | None = None,
) -> Mapping[str, Requirements | None]:
    """Return what each file depends on, by its name; None where its upstream does not tell."""
    # The wheels of a release have the same metadata nearly always: it is asked for once.
    alike: dict[str, list[OfferedFile]] = defaultdict(list)
    for file in files:
        alike[file.candidate.metadata_sha256 or file.candidate.filename].append(file)
    groups = list(alike.values())

    reading = _Reading({session.upstream.name: session for session in sessions}, stop)
    threads = max(1, min(len(groups), sum(session.upstream.workers for session in sessions)))
    with (progress or TransferProgress()).during("reading metadata", len(groups)) as phase:

        def read(group: Sequence[OfferedFile]) -> Requirements | None:
            answer = reading.of(group[0])
            phase.step()
            return answer

        with ThreadPoolExecutor(threads, thread_name_prefix="metadata") as pool:
            answers = list(pool.map(read, groups))
    if stop.is_set():
        raise Stopped()
    return {
        file.candidate.filename: answer
        for group, answer in zip(groups, answers, strict=True)
        for file in group
    }


@dataclass(slots=True)
class _Reading:
    """Asks for metadata until it is told to stop, or nobody can be reached where files are."""

    sessions: Mapping[str, UpstreamSession]
    stop: threading.Event
    reach: Reach = field(default_factory=Reach)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, file: OfferedFile) -> Requirements | None:
        if self.stop.is_set() or self.reach.is_lost:
            return None

        def failed(error: PypitoolError) -> None:
            self._note(file, unreached=isinstance(error, Unreachable))

        return Guard.run(lambda: self._read(file), failed)

    def _read(self, file: OfferedFile) -> Requirements | None:
        found = _read(self.sessions[file.upstream], file.candidate)
        self._note(file, unreached=False)
        return found

    def _note(self, file: OfferedFile, *, unreached: bool) -> None:
        with self.lock:
            self.reach = self.reach.after(file.candidate.filename, unreached=unreached)


def _read(session: UpstreamSession, candidate: Candidate) -> Requirements | None:
    if candidate.metadata_sha256 is not None:
        body = _beside(session, candidate, candidate.metadata_sha256)
    elif candidate.kind is FileKind.WHEEL:
        body = _in_wheel(session, candidate)
    else:
        return None
    return requirements_in(body, candidate.kind)


def _beside(session: UpstreamSession, candidate: Candidate, sha256: str) -> bytes:
    # PEP 658: "served at the file URL with .metadata appended", where there is no query or fragment.
    url = candidate.url.partition("#")[0] + ".metadata"
    answer = session.read(url, {"Accept": "*/*"}, METADATA.most)
    if answer.status_code != 200:
        raise UpstreamUnavailable(url, f"it answers {answer.status_code}")
    if hashlib.sha256(answer.body).hexdigest() != sha256:
        raise NotAnIndexPage(url, "its sha256 is not the one that the page announces")
    return answer.body


def _in_wheel(session: UpstreamSession, candidate: Candidate) -> bytes:
    """Read the end of a wheel, where its directory and METADATA are; many an index has nothing beside it."""
    *first, last = _ENDS
    for length in first:
        with suppress(BrokenArchive):
            return _at_end(session, candidate, length)
    return _at_end(session, candidate, last)


def _at_end(session: UpstreamSession, candidate: Candidate, length: int) -> bytes:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Range": f"bytes=-{length}"}
    with session.get(candidate.url, headers) as response, TemporaryFile(prefix="pypitool-") as file:
        size = _whole_size(response, length)
        if size is None or size > FILE_BYTES.most:
            raise UpstreamUnavailable(candidate.url, "it does not send the end of a file alone")
        end = read_bounded(response, min(length, size))
        # Where the rest would be is nothing, but for the mark of a zip file, which is looked for first.
        for offset, piece in ((0, b"PK"), (size - len(end), end)):
            file.seek(offset)
            file.write(piece)
        file.flush()
        return metadata_of_wheel_end(file.fileno(), size, candidate.filename)


def _whole_size(response: Response, most: int) -> int | None:
    if response.status_code == 206:
        found = _UP_TO_THE_END.fullmatch(response.headers.get("Content-Range", ""))
        return int(found[2]) if found and int(found[1]) + 1 == int(found[2]) else None
    length = response.headers.get("Content-Length", "")
    # All of a small file is as good as its end.
    return int(length) if response.status_code == 200 and length.isdecimal() and int(length) <= most else None
