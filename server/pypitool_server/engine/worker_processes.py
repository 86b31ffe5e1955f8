"""Worker processes: what each is given, what it reports, and how it is started and released.

What crosses to a worker, and back, are values and descriptors that cross by fork and by pickle alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from pypitool.config.live import ConfigSource
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool_server.logs.shared_counters import SharedFile


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has its application, and knows this much."""

    projects: int
    files: int


@dataclass(frozen=True, slots=True)
class CannotServe:
    """A worker cannot serve with these settings."""

    kind: Kind
    message: str
    hint: str | None


class WorkerRefused(PypitoolError):
    """The settings are well-formed, and yet no worker can serve with them."""

    sentence = "{refused.message}"
    refused: CannotServe

    def __post_init__(self) -> None:
        self.hint = self.refused.hint
        # The exit code is that of the fault in the worker.
        vars(self)["kind"] = self.refused.kind
        super().__post_init__()


class Closable(Protocol):
    """Something of the parent's that is open."""

    def close(self) -> None:
        """Close it."""


class Inherited:
    """What a forked worker has of its parent's and must not keep open; a spawned one has nothing of it."""

    def __init__(self, those: Iterable[Closable] = ()) -> None:
        self._those = tuple(those)

    def __reduce__(self) -> tuple[Any, ...]:
        return Inherited, ()

    def close(self) -> None:
        """Close them."""
        for one in self._those:
            one.close()


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """Everything that a worker needs to begin."""

    settings: Settings  # with the state directory in its place
    parent: int
    report: Connection
    counts: SharedFile
    source: ConfigSource  # where the settings are read from again
    inherited: Inherited = field(default_factory=Inherited)


Report = Ready | CannotServe
# Makes the process of a worker, by its number; it reports into the connection.
MakeProcess = Callable[[int, Connection], BaseProcess]


@dataclass(slots=True, eq=False)
class Worker:
    """One worker process."""

    number: int
    process: BaseProcess
    reports: Connection
    started: float
    has_reported: bool = False  # whether its one report came, or can come no more
    ready: bool = False
    deadline: float = math.inf  # when it is killed, once it was told to leave

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.exitcode is not None

    @property
    def lived(self) -> float:
        """For how many seconds it has been running."""
        return time.monotonic() - self.started

    def ask_to_leave(self, seconds: float) -> None:
        """Let it finish its requests, for this long."""
        self.deadline = min(self.deadline, time.monotonic() + seconds)
        self.process.terminate()

    def release(self) -> None:
        """Release what is left of it."""
        self.process.join()
        self.process.close()
        self.reports.close()


def start_worker(number: int, make: MakeProcess) -> Worker:
    """Start the process of a worker."""
    reports, reporting = Pipe(duplex=False)
    process = make(number, reporting)
    process.start()
    reporting.close()
    return Worker(number, process, reports, time.monotonic())


def read_report(worker: Worker) -> Report | None:
    """Return what a worker has to report; None: it ended without a word."""
    worker.has_reported = True
    try:
        report: Report = worker.reports.recv()
    except (EOFError, OSError):
        return None
    worker.ready = isinstance(report, Ready)
    return report


@dataclass(frozen=True, slots=True)
class Generation:
    """The workers of one configuration."""

    count: int
    stop_timeout: float
    make: MakeProcess
