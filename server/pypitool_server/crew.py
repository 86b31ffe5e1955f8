"""The worker processes: started, heard, told to leave, buried."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pypitool_server.orders import Ready, Refused

Report = Ready | Refused
# Makes the process of a worker, by its number; it reports into the connection.
Make = Callable[[int, Connection], BaseProcess]


@dataclass(slots=True, eq=False)
class Worker:
    """One worker process."""

    number: int
    process: BaseProcess
    reports: Connection
    started: float
    spoken: bool = False  # whether its one report came, or can come no more
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

    def bury(self) -> None:
        """Release what is left of it."""
        self.process.join()
        self.process.close()
        self.reports.close()


def launch(number: int, make: Make) -> Worker:
    """Start the process of a worker."""
    reports, reporting = Pipe(duplex=False)
    process = make(number, reporting)
    process.start()
    reporting.close()
    return Worker(number, process, reports, time.monotonic())


def heard(worker: Worker) -> Report | None:
    """Return what a worker has to report; None: it ended without a word."""
    worker.spoken = True
    try:
        report: Report = worker.reports.recv()
    except (EOFError, OSError):
        return None
    worker.ready = isinstance(report, Ready)
    return report
