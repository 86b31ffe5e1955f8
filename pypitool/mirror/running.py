"""The frame of every run that writes: one lock, one record, one summary, however it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from pypitool.core.errors import PypitoolError
from pypitool.core.run_events import Ending, Event, Summary, Tally, run_exit_code, run_outcome
from pypitool.facts import Actor, local_actor
from pypitool.mirror.directory_lock import lock_directory
from pypitool.mirror.record import RECORD_FILE, MirrorRecord
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.watching import Watcher
from pypitool.repository import Repository
from pypitool.state import choose_state
from pypitool.upstream.errors import Stopped
from pypitool.upstream.model import Upstream
from pypitool.upstream.session import UpstreamSession


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run works."""

    roots: tuple[Path, ...]
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class RunFrame:
    """What a run is, whatever it does."""

    command: str  # `sync`
    described: str  # `sync backend --locked`
    place: Place
    upstreams: Sequence[Upstream] = ()
    private: tuple[str, ...] = ()
    dry_run: bool = False
    job: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    watcher: Watcher = field(default_factory=Watcher)
    actor: Actor = field(default_factory=local_actor)
    finishes_files: bool = False  # when stopped, as the daemon does


Work = Callable[[Mirror, Report], Ending]


def run(frame: RunFrame, work: Work, report: Report) -> Summary:
    """Do the work inside the frame, and return how it went; what makes it unusable is raised."""
    began = time.monotonic()
    kept = _Kept(report)
    with opened(frame) as mirror:
        number = None if frame.dry_run else mirror.record.begin_run(frame.described, _now(), frame.job)
        try:
            ending = work(mirror, kept.take)
        except Stopped:
            ending = Ending(interrupted=True)
        except PypitoolError as error:
            _record(
                mirror, number, kept, _summary(frame, mirror, kept, Ending(error=error.kind), began, number)
            )
            raise
        summary = _summary(frame, mirror, kept, ending, began, number)
        _record(mirror, number, kept, summary)
    return summary


def _summary(
    frame: RunFrame, mirror: Mirror, kept: _Kept, ending: Ending, began: float, number: int | None
) -> Summary:
    return Summary(
        command=frame.command,
        exit_code=run_exit_code(kept.tally, ending),
        outcome=run_outcome(kept.tally, ending),
        tally=kept.tally,
        seconds=time.monotonic() - began,
        requests=sum(session.requests for session in mirror.sessions),
        run=number,
    )


def _record(mirror: Mirror, number: int | None, kept: _Kept, summary: Summary) -> None:
    if number is not None:
        mirror.record.end_run(number, summary, kept.events)


class _Kept:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.events: list[Event] = []
        self.tally = Tally()

    def take(self, event: Event) -> None:
        """Count an event, keep it for the record, and pass it on."""
        self.events.append(event)
        self.tally = self.tally.after(event)
        self._report(event)


@contextmanager
def opened(frame: RunFrame) -> Iterator[Mirror]:
    """Open the world of a run: locked for writing, or untouched for a dry one."""
    with ExitStack() as stack:
        if frame.dry_run:
            repository = stack.enter_context(_untouched(frame.place))
        else:
            frame.place.roots[0].mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock_directory(frame.place.roots[0], f"pypitool {frame.described}"))
            repository = stack.enter_context(Repository.open(frame.place.roots, frame.place.state))
            repository.catch_up()
        record = MirrorRecord(repository.files.directory / RECORD_FILE, scratch=frame.dry_run)
        stack.callback(record.close)
        sessions = [UpstreamSession(upstream, frame.stop) for upstream in frame.upstreams]
        for session in sessions:
            stack.callback(session.close)
        yield Mirror(
            repository,
            record,
            sessions,
            frame.actor,
            frame.stop,
            frame.private,
            frame.watcher,
            frame.finishes_files,
        )


@contextmanager
def _untouched(place: Place) -> Iterator[Repository]:
    """Open the directories without writing anything: what is known, or else a state that is thrown away."""
    state = choose_state(place.roots, place.state)
    if (state / "catalogue.sqlite").exists():
        with Repository.open(place.roots, place.state, reader_only=True) as repository:
            yield repository
        return
    with TemporaryDirectory(prefix="pypitool-") as folder:
        roots = tuple(root if root.is_dir() else _empty(Path(folder), root) for root in place.roots)
        with Repository.open_scratch(roots, Path(folder)) as repository:
            repository.catch_up()
            yield repository


def _empty(folder: Path, root: Path) -> Path:
    stand_in = folder / "absent" / root.name
    stand_in.mkdir(parents=True)
    return stand_in


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
