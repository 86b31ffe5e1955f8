"""A worker begins: it forgets its parent, keeps to one CPU, and makes the application for the engine."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypitool.core.errors import PypitoolError, exit_code
from pypitool_server.engine.environment import scrub
from pypitool_server.engine.worker_processes import CannotServe, Ready, WorkerMessage
from pypitool_server.logs.logs import Log

if TYPE_CHECKING:
    from pypitool_server.http.wsgi_types import Application

LOOK_SECONDS = 0.5
GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Begin:
    """The loader that granian calls in the new process; a class, so that it can be pickled."""

    message: WorkerMessage
    cpu: int

    def __call__(self) -> Application:
        """Return the WSGI application of this worker, or end the process."""
        message = self.message
        _forget_the_parent(message)
        scrub()
        end_with_parent(message.parent)
        pin_to_cpu(self.cpu)
        try:
            application, ready = _application(message)
        except PypitoolError as error:
            message.report.send(CannotServe(error.kind, str(error), error.hint))
            raise SystemExit(exit_code(error)) from error
        message.report.send(ready)
        return application


def _forget_the_parent(message: WorkerMessage) -> None:
    """Undo what a fork copied; a spawned process has nothing of it."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # The terminal that goes away, and `kill -HUP` to the whole group: both are the parent's to answer.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    message.inherited.close()


def _application(message: WorkerMessage) -> tuple[Application, Ready]:
    # Not before the fork: the parent stays small, and has no thread and no database.
    from pypitool.access.rules_file import RulesWatch
    from pypitool.repository.repository import Repository
    from pypitool_server.engine.assemble import assemble

    server = message.settings.server
    log = Log(server)
    log.install()
    repository = Repository.open(server.packages, server.state, reserve_deleted=server.reserve_deleted)
    watch = RulesWatch(message.source, message.settings)
    serving = assemble(message.settings, repository, message.counts, log, watch=watch)
    # Not the Flask object: its `__call__` would be one call more on the way of every request.
    return serving.app.wsgi_app, Ready(*repository.catalogue.counts())


def pin_to_cpu(number: int) -> None:
    """Keep this process, and the threads that it will start, on one of the CPUs that it may use.

    Python runs one thread at a time. On several CPUs the threads of a worker hand its lock from cache to
    cache and wake one another for every request; kept on one CPU a worker answers two to three times as many
    pages in a second of CPU time, and no fewer on the clock (tried with 512 threads and 16 connections on 4
    CPUs). Whatever else runs on that CPU the scheduler moves to another one.
    """
    if not hasattr(os, "sched_setaffinity"):
        return  # macOS has no such call
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def end_with_parent(parent: int) -> None:
    """Watch from now on whether `parent` is still the parent of this process; end with it.

    Nobody else would replace a process that lost its parent, or stop it.
    """
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    # Polled: a pipe would be held open by brothers that were forked later, and prctl(PR_SET_PDEATHSIG)
    # follows the thread that forked, not its process.
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
