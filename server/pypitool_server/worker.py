"""What a worker does before the engine takes over: it forgets its parent and makes the application."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypitool.core.errors import PypitoolError, exit_code
from pypitool_server import affinity, lifeline, scrubbing
from pypitool_server.logs.logs import Log
from pypitool_server.orders import Orders, Ready, Refused

if TYPE_CHECKING:
    from pypitool_server.http.request import Application


@dataclass(frozen=True, slots=True)
class Begin:
    """The loader that granian calls in the new process; a class, so that it can be pickled."""

    orders: Orders
    cpu: int

    def __call__(self) -> Application:
        """Return the WSGI application of this worker, or end the process."""
        orders = self.orders
        _forget_the_parent(orders)
        scrubbing.scrub()
        lifeline.hold(orders.parent)
        affinity.settle(self.cpu)
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
    from pypitool_server.serving import assemble

    server = orders.settings.server
    log = Log(server)
    log.install()
    repository = Repository.open(server.packages, server.state)
    watch = None if orders.source is None else RulesWatch(orders.source, orders.settings)
    serving = assemble(orders.settings, repository, orders.counts, log, watch=watch)
    # Not the Flask object: its `__call__` would be one call more on the way of every request.
    return serving.app.wsgi_app, Ready(*repository.catalogue.counts())
