"""How a worker leaves: nobody new comes in, who is here is told to go, and only then the engine shuts down.

granian takes connections until it is told to stop, and drops at once those whose request it has not read. The
client whose request is on its way then sees a broken connection: a breath between the two spares it that.

One CPU for each worker: its threads take turns anyway, and do it better in one place.

Python runs one thread at a time. On several CPUs the threads of a worker hand its lock from cache to cache
and wake one another for every request; kept on one CPU a worker answers two to three times as many pages in a
second of CPU time, and no fewer on the clock (tried with 512 threads and 16 connections on 4 CPUs). Whatever
else runs on that CPU the scheduler moves to another one.

A process that lost its parent ends itself: nobody else would replace it, or stop it.

What a worker does before the engine takes over: it forgets its parent and makes the application.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypitool.core.errors import PypitoolError, exit_code
from pypitool_server.engine import side_process
from pypitool_server.engine.worker_processes import Orders, Ready, Refused
from pypitool_server.logs.logs import Log

if TYPE_CHECKING:
    from pypitool_server.http.request import Application, Environ, Headers, StartResponse

BREATH_SECONDS = 0.2


class Leaving:
    """The end of one worker, which listens on `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self.begun = False
        self._door = _Door(descriptor) if sys.platform == "linux" else None

    def begin(self, shut_down: Callable[[], None]) -> None:
        """Let nobody in from now on, and shut the engine down after a breath; a second call does nothing."""
        if self.begun:
            return
        self.begun = True
        if self._door is not None:
            self._door.shut()
        timer = threading.Timer(BREATH_SECONDS, self._end, (shut_down,))
        timer.daemon = True
        timer.start()

    def announced_by(self, application: Application) -> Application:
        """Return the application; while the worker leaves, its answers end their connections."""

        def announced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if not self.begun:
                return application(environ, start_response)

            def last(status: str, headers: Headers, exc_info: Any = None) -> Any:
                return start_response(status, [*headers, ("Connection", "close")], exc_info)

            return application(environ, last)

        return announced

    def _end(self, shut_down: Callable[[], None]) -> None:
        if self._door is not None:
            self._door.open_again()
        shut_down()


class _Door:
    """A listening descriptor behind which, for a while, nobody waits.

    The engine keeps its number and sees an empty queue; the connections that come wait for another worker.
    Closing it, or ending the socket, would make the engine's accept() fail, and try again without a pause.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._real = os.dup(descriptor)
        self._nobody = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._nobody.bind("")  # unix(7), autobind: a name that the kernel chooses
        self._nobody.listen(1)
        self._nobody.setblocking(False)

    def shut(self) -> None:
        """Put the empty queue in the place of the real one."""
        os.dup2(self._nobody.fileno(), self._descriptor)

    def open_again(self) -> None:
        """Put the real one back: the engine has registered that, and must be able to forget it."""
        os.dup2(self._real, self._descriptor)
        os.close(self._real)
        self._nobody.close()


def settle(number: int) -> None:
    """Keep this process, and the threads that it will start, on one of the CPUs that it may use."""
    if not hasattr(os, "sched_setaffinity"):
        return  # macOS has no such call
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})


LOOK_SECONDS = 0.5
GRACE_SECONDS = 3.0


def hold(parent: int) -> None:
    """Watch from now on whether `parent` is still the parent of this process; end with it."""
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    # Polled: a pipe would be held open by brothers that were forked later, and prctl(PR_SET_PDEATHSIG)
    # follows the thread that forked, not its process.
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


@dataclass(frozen=True, slots=True)
class Begin:
    """The loader that granian calls in the new process; a class, so that it can be pickled."""

    orders: Orders
    cpu: int

    def __call__(self) -> Application:
        """Return the WSGI application of this worker, or end the process."""
        orders = self.orders
        _forget_the_parent(orders)
        side_process.scrub()
        hold(orders.parent)
        settle(self.cpu)
        try:
            application, ready = _application(orders)
        except PypitoolError as error:
            orders.report.send(Refused(error.kind, str(error), error.hint))
            raise SystemExit(exit_code(error)) from error
        orders.report.send(ready)
        return application


def _forget_the_parent(orders: Orders) -> None:
    """Undo what a fork copied; a spawned process has nothing of it."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # The terminal that goes away, and `kill -HUP` to the whole group: both are the parent's to answer.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    orders.inherited.close()


def _application(orders: Orders) -> tuple[Application, Ready]:
    # Not before the fork: the parent stays small, and has no thread and no database.
    from pypitool.access.rules_file import RulesWatch
    from pypitool.repository.repository import Repository
    from pypitool_server.engine.assemble import assemble

    server = orders.settings.server
    log = Log(server)
    log.install()
    repository = Repository.open(server.packages, server.state)
    watch = None if orders.source is None else RulesWatch(orders.source, orders.settings)
    serving = assemble(orders.settings, repository, orders.counts, log, watch=watch)
    # Not the Flask object: its `__call__` would be one call more on the way of every request.
    return serving.app.wsgi_app, Ready(*repository.catalogue.counts())
