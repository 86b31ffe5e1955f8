"""Supervision: the parent starts workers, replaces those that die, renews them at SIGHUP, lets them finish.

One thread and one loop: a fork never copies a lock that another thread holds. Signals are something to wait
for beside other things, and no handler does more than to note them.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import time
from multiprocessing.connection import Connection, wait
from types import FrameType, TracebackType
from typing import Any

from pypitool.core.errors import EXIT_INTERRUPTED, PypitoolError
from pypitool.core.guard import Guard, Turns
from pypitool_server.engine.server import Server
from pypitool_server.engine.side_process import Backoff
from pypitool_server.engine.worker_processes import (
    CannotServe,
    Generation,
    Ready,
    Worker,
    WorkerRefused,
    read_report,
    start_worker,
)

STDERR = 2
STOPPING = (signal.SIGTERM, signal.SIGINT)
# A worker imports Flask and opens the catalogue, which may have to be rebuilt.
START_SECONDS = 120.0
# A signal that reaches a process which is still being set up is lost: it is told again.
TELL_AGAIN_SECONDS = 1.0
# timeout(1) and some supervisors tell a process and its group at once: that is one wish, not two.
IMPATIENT_AFTER_SECONDS = 0.5

log = logging.getLogger(__name__)

NOTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """Supervises the workers of a server until a signal says to stop."""

    def __init__(self, generation: Generation, server: Server) -> None:
        self._generation = generation
        self._server = server
        self._workers: dict[int, Worker] = {}
        self._leaving: list[Worker] = []
        self._due = dict.fromkeys(range(generation.count), 0.0)
        self._looks = Turns(lambda fault: log.error("what runs beside us is not seen to: %s", fault))
        self._backoffs: dict[int, Backoff] = {}
        self._has_begun = self._all_have_begun = False
        self._signals = Signals()
        self._stop_by: int | None = None
        self._reread_asked = False
        self._has_terminal = os.isatty(STDERR)

    def run(self) -> int:
        """Serve, and return the exit code."""
        with self._signals:
            try:
                return self._serve()
            finally:
                self._finish()

    def _serve(self) -> int:
        while self._stop_by is None:
            self._start_due()
            # What was asked for while workers were renewed is due now.
            self._wait(0.0 if self._reread_asked and self._has_begun else math.inf)
            self._read_reports()
            self._release_ended()
            if self._reread_asked and self._has_begun and self._stop_by is None:
                self._reread_asked = False
                self._renew()
        # systemd stops with SIGTERM and means well; a shell wants to know of Ctrl-C.
        return 0 if self._stop_by == signal.SIGTERM else EXIT_INTERRUPTED

    def _start_due(self) -> None:
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            self._workers[number] = start_worker(number, self._generation.make)

    def _wait(self, longest: float = math.inf, *also: Worker) -> None:
        """Wait for a signal (the end of a worker is one), a report, or the next thing that is due."""
        reporting = [one.reports for one in (*self._workers.values(), *also) if not one.has_reported]
        alarms = (*self._due.values(), *(one.deadline for one in self._leaving), self._server.due)
        seconds = min(longest, *(alarm - time.monotonic() for alarm in alarms))
        listened: list[Connection | socket.socket | int] = [*reporting, *self._server.readable]
        wait([self._signals.readable, *listened], None if seconds == math.inf else max(0.0, seconds))
        for number in self._signals.take():
            if number in STOPPING or (number == signal.SIGHUP and self._terminal_is_gone()):
                self._stop_by = number
            self._reread_asked |= number == signal.SIGHUP
        self._looks.take(self._server.check)

    def _terminal_is_gone(self) -> bool:
        # Who closes the window of a server means to end it; who sends SIGHUP to a daemon does not.
        return self._has_terminal and not os.isatty(STDERR)

    def _read_reports(self) -> None:
        for worker in self._workers.values():
            if worker.has_reported or not worker.reports.poll():
                continue
            report = read_report(worker)
            if isinstance(report, Ready):
                self._serves(report)
            elif isinstance(report, CannotServe):
                if not self._has_begun:
                    raise WorkerRefused(report)
                log.error("%s", report.message)

    def _serves(self, ready: Ready) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._server.show_banner(ready)
        if not self._all_have_begun and all(worker.ready for worker in self._workers.values()):
            self._all_have_begun = True
            self._server.report_ready()

    def _release_ended(self) -> None:
        now = time.monotonic()
        for worker in self._leaving[:]:
            if worker.ended:
                self._leaving.remove(worker)
                worker.release()
            elif worker.deadline <= now:
                _cut(worker)
        for worker in list(self._workers.values()):
            if worker.ended:
                self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        if not self._has_begun:
            raise WorkerDied(worker.process.exitcode)
        delay = self._backoffs.setdefault(worker.number, Backoff()).after(worker.lived)
        message = "worker %d ended with exit code %s; the next one starts in %.1f s"
        log.error(message, worker.number + 1, worker.process.exitcode, delay)
        self._due[worker.number] = time.monotonic() + delay
        del self._workers[worker.number]
        worker.release()

    def _renew(self) -> None:
        """Let workers with the new configuration take over, one by one; the first of them decides."""
        begun = Guard.turn(self._begun_anew, self._stays)
        if begun is None:
            return
        first, generation = begun
        before, self._generation = self._generation, generation
        self._server.adopt()
        self._take_over(first, before)
        for number in range(1, generation.count):
            if self._stop_by is None:
                self._renew_one(number, before)
        for number in range(generation.count, before.count):
            self._dismiss(number, before)
        self._server.report_ready()

    def _begun_anew(self) -> tuple[Worker, Generation]:
        generation = self._server.reread()
        return self._proved(0, generation), generation

    def _stays(self, error: PypitoolError) -> None:
        log.error("the configuration stays as it was: %s", error)
        self._server.report_ready()

    def _renew_one(self, number: int, before: Generation) -> None:
        try:
            self._take_over(self._proved(number, self._generation), before)
        except PypitoolError as error:
            if self._stop_by is None:
                log.error("worker %d: %s", number + 1, error)
            self._dismiss(number, before)
            self._due[number] = time.monotonic()

    def _proved(self, number: int, generation: Generation) -> Worker:
        """Start a worker, and return it when it serves."""
        worker = start_worker(number, generation.make)
        until = time.monotonic() + START_SECONDS
        while self._stop_by is None and not worker.ended and time.monotonic() < until:
            self._wait(until - time.monotonic(), worker)
            report = read_report(worker) if not worker.has_reported and worker.reports.poll() else None
            if isinstance(report, Ready):
                return worker
            if isinstance(report, CannotServe):
                self._discard(worker)
                raise WorkerRefused(report)
        raise WorkerDied(self._discard(worker))

    def _discard(self, worker: Worker) -> int | None:
        worker.process.kill()
        worker.process.join()
        exit_code = worker.process.exitcode
        worker.release()
        return exit_code

    def _take_over(self, newcomer: Worker, before: Generation) -> None:
        self._dismiss(newcomer.number, before)
        self._workers[newcomer.number] = newcomer

    def _dismiss(self, number: int, before: Generation) -> None:
        self._due.pop(number, None)
        worker = self._workers.pop(number, None)
        if worker is not None:
            worker.ask_to_leave(before.stop_timeout)
            self._leaving.append(worker)

    def _finish(self) -> None:
        """Let the workers finish what they are at; what takes too long is cut, at once by a second signal."""
        for number in list(self._workers):
            self._dismiss(number, self._generation)
        # After the workers were told: the queue of a port that is closed first would be thrown away.
        self._server.stop()
        patient_until = time.monotonic() + IMPATIENT_AFTER_SECONDS
        self._stop_by = None
        while self._leaving:
            self._wait(TELL_AGAIN_SECONDS)
            if time.monotonic() < patient_until:
                self._stop_by = None
            for worker in self._leaving:
                if self._stop_by is not None:
                    _cut(worker)
                elif not worker.ended:
                    worker.process.terminate()
            self._release_ended()


class WorkerDied(PypitoolError):
    """A worker ended before it could serve."""

    sentence = "a worker ended with exit code {exit_code} while it was starting"
    hint = "what it wrote last tells why"
    exit_code: int | None


def _cut(worker: Worker) -> None:
    log.warning("requests that did not end in time are cut")
    worker.deadline = math.inf
    worker.process.kill()


class Signals:
    """While entered, collects the signals of this process; readable when there is one."""

    def __init__(self) -> None:
        self._noted: list[int] = []
        self._readable, self._writable = socket.socketpair()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        # A signal that arrives just before the wait would be slept over without this (signal-safe) byte.
        self._readable.setblocking(False)
        self._writable.setblocking(False)
        signal.set_wakeup_fd(self._writable.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._note) for number in NOTED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._readable.close()
        self._writable.close()

    @property
    def readable(self) -> socket.socket:
        """What to wait on."""
        return self._readable

    def take(self) -> list[int]:
        """Return the signals that came since the last time, in their order."""
        try:
            while self._readable.recv(4096):
                pass
        except BlockingIOError:
            pass
        noted, self._noted = self._noted, []
        return noted

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted.append(number)
