"""The frame of every run that writes: one lock, one record, one summary, however it ends.

One run at a time writes into a directory; the kernel releases the lock however the run ends.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from pypitool.catalogue.facts import local_actor
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.guard import Guard
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.run_events import ErrorEvent, Event
from pypitool.core.mirror.run_summary import Ending, Summary, Tally, run_exit_code, run_outcome
from pypitool.core.progress import TransferProgress
from pypitool.core.state_files import HiddenFiles, StateFiles
from pypitool.host import lock_now, make_directory, open_or_make
from pypitool.mirror.record import MirrorRecord, named_damage
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.workspace import Workspace, open_read_only
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.repository.state import locate_state
from pypitool.repository.state_errors import PackagesMissing
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import Stopped

Work = Callable[[Mirror, Report], Ending]


@dataclass(frozen=True, slots=True)
class RunFrame:
    """What a run is, whatever it does."""

    command: str  # `sync`
    described: str  # `sync backend --locked`
    workspace: Workspace
    upstreams: Sequence[Upstream] = ()
    private: tuple[str, ...] = ()
    dry_run: bool = False
    # `verify`: what is on record is held against the world, and the directories are neither locked nor read.
    only_notes: bool = False
    job: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    progress: TransferProgress = field(default_factory=TransferProgress)
    actor: Actor = field(default_factory=local_actor)
    finishes_files: bool = False  # when stopped, as the daemon does
    largest_file: int = FILE_BYTES.most


def run(frame: RunFrame, work: Work, report: Report) -> Summary:
    """Do the work inside the frame, and return how it went; what makes it unusable is raised."""
    began, started = time.monotonic(), _now()
    events = _Events(report)
    with open_mirror(frame) as mirror:
        number = None if frame.dry_run else mirror.record.begin_run(frame.described, started, frame.job)

        def end(ending: Ending) -> Summary:
            summary = _summary(frame, mirror, events.tally, ending, time.monotonic() - began, number)
            if number is not None:
                mirror.record.end_run(number, summary, events.taken)
            return summary

        try:
            ending = work(mirror, events.take)
        except Stopped:
            ending = Ending(interrupted=True)
        except (PypitoolError, OSError) as error:
            named = Guard.named(error)
            events.taken.append(ErrorEvent(named.kind.value, str(named)))
            end(Ending(error=named.kind))
            raise
        summary = end(ending)
    if frame.dry_run and frame.job is not None:
        _record_job(frame, events.taken, summary, started)
    return summary


class _Events:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.taken: list[Event] = []
        self.tally = Tally()

    def take(self, event: Event) -> None:
        """Count an event, keep it for the record, and pass it on."""
        self.taken.append(event)
        self.tally = self.tally.after(event)
        self._report(event)


def _summary(
    frame: RunFrame, mirror: Mirror, tally: Tally, ending: Ending, seconds: float, number: int | None
) -> Summary:
    tally = replace(tally, bytes=tally.bytes + ending.bytes, files=ending.files)
    return Summary(
        command=frame.command,
        exit_code=run_exit_code(tally, ending),
        outcome=run_outcome(tally, ending),
        tally=tally,
        seconds=seconds,
        requests=sum(session.requests for session in mirror.sessions),
        run=number,
        plans=ending.dry_run or ending.plans,
        sets=ending.sets,
    )


def _record_job(frame: RunFrame, events: Sequence[Event], summary: Summary, started: str) -> None:
    """Write down that a job has run, although it wrote nothing else: or it would be caught up for ever."""
    with closing(MirrorRecord(StateFiles(_state_of(frame.workspace)).mirror)) as record:
        number = record.begin_run(frame.described, started, frame.job)
        record.end_run(number, summary, events)


def _state_of(workspace: Workspace) -> Path:
    try:
        return locate_state(workspace.roots, workspace.state)
    except PackagesMissing:
        # Without the packages there is no telling whose a state is: one that is there already may be told.
        state = workspace.state_directory()
        if not state.is_dir():
            raise
        return state


def record_unbegun(frame: RunFrame, summary: Summary, error: ErrorEvent, began: datetime) -> None:
    """Write down that a job could not even begin, unless a run of it has left its own row since."""
    started = _written(began)
    record = MirrorRecord(StateFiles(frame.workspace.state_directory()).mirror, scratch=True)
    with closing(record):
        last = None if frame.job is None else record.last_run_of(frame.job)
    if last is None or last.started < started:
        _record_job(frame, [error], summary, started)


def _now() -> str:
    return _written(datetime.now(timezone.utc))


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def open_mirror(frame: RunFrame) -> Iterator[Mirror]:
    """Open the world of a run: locked for writing, or untouched for a dry one."""
    with ExitStack() as stack:
        repository = stack.enter_context(
            open_read_only(frame.workspace, frame.progress) if frame.dry_run else _writable(frame)
        )
        place = StateFiles(frame.workspace.state_directory()).mirror
        stack.enter_context(named_damage(place, mend=not frame.dry_run))
        record = MirrorRecord(place, scratch=frame.dry_run)
        stack.callback(record.close)
        sessions = [
            UpstreamSession(
                upstream,
                frame.stop,
                frame.progress.delayed,
                finishes=frame.finishes_files,
                largest=frame.largest_file,
            )
            for upstream in frame.upstreams
        ]
        for session in sessions:
            stack.callback(session.close)
        yield Mirror(
            repository,
            record,
            sessions,
            frame.actor,
            frame.stop,
            frame.private,
            frame.progress,
            frame.finishes_files,
            frame.largest_file,
        )


@contextmanager
def _writable(frame: RunFrame) -> Iterator[Repository]:
    directory = frame.workspace.roots[0]
    with ExitStack() as stack:
        if not frame.only_notes:
            directory.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock_directory(directory, f"pypitool {frame.described}"))
        where = frame.workspace
        opened = Repository.open(where.roots, where.state, reserve_deleted=where.reserve_deleted)
        repository = stack.enter_context(opened)
        if not (frame.only_notes and repository.catalogue.is_complete()):
            with frame.progress.during("reading packages") as phase:
                scan_if_alone(repository, phase.at)
        if not frame.only_notes:
            _sweep(repository)
        yield repository


def _sweep(repository: Repository) -> None:
    """Remove what a killed run had nearly published: without a server nobody else looks there."""
    for number in range(len(repository.roots)):
        repository.store.sweep(number)


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock, as it wrote itself down."""

    pid: int
    command: str
    started: str


class DirectoryLocked(PypitoolError):
    """Another run writes into the directory."""

    kind = Kind.CONFLICT
    hint = "wait until it has ended, or stop it; nothing was changed"
    directory: Path
    holder: LockHolder | None

    def __str__(self) -> str:
        if self.holder is None:
            return f"{self.directory} is locked by another run"
        who = f"`{self.holder.command}` (process {self.holder.pid}, since {self.holder.started})"
        return f"{self.directory} is locked by {who}"


@contextmanager
def lock_directory(directory: Path, command: str) -> Iterator[None]:
    """Hold the directory for the whole run, or raise `DirectoryLocked` that names who does."""
    path = HiddenFiles(directory).mirror_lock
    make_directory(path.parent, 0o750)  # as the state, which may be made in it
    descriptor = open_or_make(path, 0o644)
    try:
        if not lock_now(descriptor):  # nor where there are no locks: nobody could tell of another run
            raise DirectoryLocked(directory, _read_holder(descriptor))
        _write_holder(descriptor, command)
        yield
    finally:
        # The file stays: removing it would let a waiting run lock a file that is no longer there.
        os.close(descriptor)


def _write_holder(descriptor: int, command: str) -> None:
    text = json.dumps(asdict(LockHolder(os.getpid(), command, _now()))).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read_holder(descriptor: int) -> LockHolder | None:
    try:
        return LockHolder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        # It has locked and not yet written.
        return None
