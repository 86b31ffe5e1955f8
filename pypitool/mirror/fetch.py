"""Fetching wanted files: in parallel, resumable, checked against every digest, ending in the publish step."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from pypitool.archives.archive import read_archive
from pypitool.archives.open_archive import BrokenArchive
from pypitool.catalogue.errors import NameReserved, ReleaseFileExists
from pypitool.core.errors import Kind, NoSpace, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.filenames import parse
from pypitool.core.guard import Guard
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.run_events import FileEvent, FileOutcome
from pypitool.core.mirror.sync_plan import FetchItem
from pypitool.core.model import Digests, Origin, OriginKind
from pypitool.core.progress import TransferProgress
from pypitool.host import hand_over
from pypitool.mirror.partial import PartialFile, PartialFiles
from pypitool.repository.publish import Incoming, Outcome, publish
from pypitool.repository.read_file import contents_of
from pypitool.repository.repository import Repository
from pypitool.store.failures import Occupied
from pypitool.store.temporary import TemporaryFile
from pypitool.upstream.answer_bodies import read_pieces
from pypitool.upstream.session import Response, UpstreamSession
from pypitool.upstream.upstream_errors import (
    CutShort,
    NoSuchProject,
    Stopped,
    UpstreamRefused,
    UpstreamUnavailable,
)

_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)\Z")
_PUBLISHERS = 4  # threads beside those that talk to upstreams
_RESERVE = 16 * 1024**2  # of the disk, for the catalogue and everybody else


class OtherBytes(PypitoolError):
    """What arrived is not what was announced."""

    kind = Kind.INVALID
    sentence = "{filename}: {reason}"
    hint = "the file upstream was replaced, or something on the way changes it; nothing was published"
    filename: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches files of several upstreams into one repository."""

    repository: Repository
    sessions: Mapping[str, UpstreamSession]
    actor: Actor
    stop: threading.Event
    progress: TransferProgress
    largest: int = FILE_BYTES.most  # where the page does not say how long a file is
    finishes_files: bool = False  # when stopped: what has begun is brought to its end
    lines: dict[str, threading.Semaphore] = field(default_factory=dict)  # to each upstream

    def fetch(self, items: Sequence[FetchItem], report: Callable[[FileEvent], None]) -> None:
        """Fetch everything; each file succeeds or fails for itself. Returns early when stopped."""
        items = list(self._of_bearable_size(items, report))
        try:
            check_space(self.repository, items)
        except NoSpace as error:
            for item in items:
                report(_event(item, "failed", error=error))
            return
        self.progress.announced(sum(item.wanted.candidate.size or 0 for item in items))
        for name, session in self.sessions.items():
            self.lines[name] = threading.Semaphore(session.upstream.workers)
        with ThreadPoolExecutor(self._threads(items), thread_name_prefix="fetch") as pool:
            futures = {pool.submit(self._fetched, item): item for item in items}
            try:
                for future in as_completed(futures):
                    event = future.result()
                    if event is not None:
                        report(event)
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _of_bearable_size(
        self, items: Sequence[FetchItem], report: Callable[[FileEvent], None]
    ) -> Iterator[FetchItem]:
        # Before the free space is looked at: one page that tells of a petabyte must not fail the others.
        for item in items:
            size = item.wanted.candidate.size
            if size is None or size <= self.largest:
                yield item
            else:
                reason = f"{size} bytes are announced, and max-file-size is {self.largest}"
                report(_failure(item, OtherBytes(item.filename, reason)))

    def _threads(self, items: Sequence[FetchItem]) -> int:
        used = {item.upstream for item in items}
        workers = sum(self.sessions[name].upstream.workers for name in used)
        # Publishing waits for the disk: meanwhile somebody else has the line to the upstream.
        return max(1, min(len(items), workers + _PUBLISHERS))

    def _fetched(self, item: FetchItem) -> FileEvent | None:
        if self.stop.is_set():
            return None
        try:
            event = Guard.run(lambda: self._published(item), lambda error: _failure(item, error))
        except Stopped:
            return None
        except NoSpace as error:
            # The one fault of the machine that ends no run: smaller files may fit, and each is named.
            event = _failure(item, error)
        self.progress.ended(item.filename)
        return event

    def _published(self, item: FetchItem) -> FileEvent:
        # In the directory that takes the file: what is whole is moved, not copied.
        partials = PartialFiles(self.repository.roots[item.root])
        with partials.open(_key(item)) as partial:
            try:
                return self._checked_and_placed(item, partial, self._whole(item, partial))
            except (OtherBytes, BrokenArchive):
                partial.forget()
                raise

    def _checked_and_placed(self, item: FetchItem, partial: PartialFile, digests: Digests) -> FileEvent:
        store = self.repository.store
        if partial.descriptor is None:
            with store.temporary(item.root, item.folder) as temporary:
                hand_over(
                    self.repository.roots[item.root] / item.folder / item.filename, temporary.descriptor
                )
                for piece in partial.pieces():
                    temporary.write(piece)
                temporary.flush()
                incoming = self._incoming(item, temporary.descriptor, partial.length, digests)
                return self._publish(item, partial, temporary, incoming)
        incoming = self._incoming(item, partial.descriptor, partial.length, digests)
        # Everything that takes time is behind us: a kill between here and the row `live` costs this file.
        with store.adopt(partial.path, item.root, item.folder) as temporary:
            return self._publish(item, partial, temporary, incoming)

    def _whole(self, item: FetchItem, partial: PartialFile) -> Digests:
        # What an earlier run has left may be anything: only what arrives in one piece proves a fault.
        is_continued = partial.length > 0
        try:
            return self._arrived(item, partial)
        except OtherBytes:
            if not is_continued:
                raise
        partial.begin(None)
        return self._arrived(item, partial)

    def _arrived(self, item: FetchItem, partial: PartialFile) -> Digests:
        session, project = self.sessions[item.upstream], item.wanted.candidate.project
        with self.lines[item.upstream], session.asked_for(project):
            self.progress.started(item.filename, item.wanted.candidate.size)
            self._download(item, partial)
        digests = partial.digester.digests()
        _check_bytes(item, partial, digests)
        return digests

    def _publish(
        self, item: FetchItem, partial: PartialFile, temporary: TemporaryFile, incoming: Incoming
    ) -> FileEvent:
        partial.forget()
        outcome = publish(self.repository, temporary, incoming, actor=self.actor).outcome
        # Somebody else published the same bytes while ours were on their way.
        word: FileOutcome = "kept" if outcome is Outcome.UNCHANGED else "fetched"
        return _event(item, word, size=partial.length, sha256=incoming.contents.digests.sha256)

    def _incoming(self, item: FetchItem, descriptor: int, length: int, digests: Digests) -> Incoming:
        distribution, candidate = parse(item.filename), item.wanted.candidate
        facts = read_archive(descriptor, distribution, length)
        return Incoming(
            distribution=distribution,
            contents=contents_of(facts, digests),
            origin=Origin(OriginKind.MIRRORED, item.upstream),
            metadata_body=facts.metadata_body,
            upload_time=candidate.upload_time,
            yanked=candidate.yanked,
        )

    def _download(self, item: FetchItem, partial: PartialFile) -> None:
        candidate, attempt = item.wanted.candidate, 0
        while (size := candidate.size) is None or partial.length < size:
            before = partial.length
            try:
                self._receive(item, partial)
                break
            except CutShort as error:
                # What has arrived stays, and the next try asks for the rest; progress costs no try.
                if partial.length > before:
                    continue
                attempt += 1
                if not self.sessions[item.upstream].may_retry(attempt, candidate.url, error.reason):
                    raise
        if size is not None and partial.length != size:
            raise OtherBytes(item.filename, f"{partial.length} bytes arrived, {size} were announced")

    def _receive(self, item: FetchItem, partial: PartialFile) -> None:
        session, url = self.sessions[item.upstream], item.wanted.candidate.url
        with session.get(url, _headers(partial)) as response:
            _check_status(url, response, partial)
            if response.status_code == 416:
                return
            if not _continues(response, partial):
                partial.begin(response.headers.get("ETag"))
            for piece in read_pieces(response, None):
                if self.stop.is_set() and not self.finishes_files:
                    raise Stopped()
                self._append(item, partial, piece)
                self.progress.moved(item.filename, len(piece))

    def _append(self, item: FetchItem, partial: PartialFile, piece: bytes) -> None:
        size = item.wanted.candidate.size
        if partial.length + len(piece) > (self.largest if size is None else size):
            told = f"max-file-size is {self.largest}" if size is None else f"{size} were announced"
            raise OtherBytes(item.filename, f"more bytes arrive than they should: {told}")
        # The last of the disk is not ours: a catalogue without room could not even say what has failed.
        if self.repository.store.free(item.root) < _RESERVE // 2:
            raise NoSpace(str(partial.path.parent))
        try:
            partial.append(piece)
        except OSError as error:
            raise NoSpace(str(partial.path.parent)) from error


def check_space(repository: Repository, items: Sequence[FetchItem]) -> None:
    """Raise `NoSpace` when the known sizes do not fit: better before than halfway."""
    for root in sorted({item.root for item in items}):
        needed = sum(item.wanted.candidate.size or 0 for item in items if item.root == root)
        if needed + _RESERVE > repository.store.free(root):
            raise NoSpace(str(repository.roots[root]))


def _key(item: FetchItem) -> str:
    # Without a digest the address stands for the bytes; they are read again in any case.
    candidate = item.wanted.candidate
    return candidate.sha256 or f"url-{hashlib.sha256(candidate.url.encode()).hexdigest()}"


def _headers(partial: PartialFile) -> dict[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if partial.length:
        headers["Range"] = f"bytes={partial.length}-"
        # RFC 9110, 13.1.5: a client "MUST NOT" send a weak one; nothing would ever be continued.
        if partial.validator is not None and not partial.validator.startswith("W/"):
            headers["If-Range"] = partial.validator
    return headers


def _check_status(url: str, response: Response, partial: PartialFile) -> None:
    status = response.status_code
    if status in (404, 410):
        raise NoSuchProject(url, "the file is not there")
    if status in (401, 403, 407):
        raise UpstreamRefused(url, f"it answers {status}: the credentials are missing or wrong")
    if status == 416 and partial.length:
        return
    if status not in (200, 206):
        raise UpstreamUnavailable(url, f"it answers {status}")


def _continues(response: Response, partial: PartialFile) -> bool:
    # 200 instead of 206, or a range that begins elsewhere: the whole file comes, and it starts over.
    if response.status_code != 206:
        return False
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != partial.length:
        raise UpstreamUnavailable(response.url, "it sent another range than it was asked for")
    return True


def _check_bytes(item: FetchItem, partial: PartialFile, digests: Digests) -> None:
    expected = item.wanted.candidate.sha256
    if expected is not None and digests.sha256 != expected:
        raise OtherBytes(item.filename, f"its sha256 is {digests.sha256}, not {expected} as announced")
    listed = item.wanted.hashes
    if listed and not any(_has(partial, digests, text) for text in sorted(listed)):
        raise OtherBytes(item.filename, "none of the hashes that the requirement lists is its own")


def _has(partial: PartialFile, digests: Digests, text: str) -> bool:
    name, _, value = text.partition(":")
    return value == (digests.sha256 if name == "sha256" else _digest(partial, name))


def _digest(partial: PartialFile, name: str) -> str:
    digest = hashlib.new(name)
    for piece in partial.pieces():
        digest.update(piece)
    return digest.hexdigest()


def _failure(item: FetchItem, error: PypitoolError) -> FileEvent:
    is_taken = isinstance(error, (NameReserved, Occupied, ReleaseFileExists))
    return _event(item, "conflict" if is_taken else "failed", error=error)


def _event(
    item: FetchItem,
    outcome: FileOutcome,
    *,
    size: int = 0,
    sha256: str | None = None,
    error: PypitoolError | None = None,
) -> FileEvent:
    candidate = item.wanted.candidate
    return FileEvent(
        name=candidate.filename,
        project=candidate.project,
        version=str(candidate.version),
        outcome=outcome,
        bytes=size,
        sha256=sha256 or candidate.sha256,
        targets=item.wanted.targets,
        kind=None if error is None else error.kind,
        message=None if error is None else str(error),
    )
