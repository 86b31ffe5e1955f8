"""What is around the workers: the address, the keeper, the jobs, systemd, and the configuration."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pypitool.config.own_address import name_of_this_machine
from pypitool.config.settings import Settings
from pypitool.host import Notifier
from pypitool_server.engine.banner import banner
from pypitool_server.engine.environment import jobs_environment, keeper_environment
from pypitool_server.engine.granian_workers import GranianWorkers
from pypitool_server.engine.listen import Listener
from pypitool_server.engine.prepare import Prepared, prepare
from pypitool_server.engine.reload_rules import FollowedRules
from pypitool_server.engine.side_process import SideProcess, jobs_command, keeper_command
from pypitool_server.engine.worker_processes import Generation, Inherited, Ready, WorkerMessage
from pypitool_server.logs.shared_counters import SharedFile

Reload = Callable[[], Settings]
# What belongs to the socket that the parent holds: it is there until the server ends.
FIXED = ("host", "port", "unix_socket", "unix_socket_mode")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Jobs:
    """That the jobs of the configuration are to run beside the server."""

    config: Path | None  # where they stand; None: where every command looks


class Server:
    """The surroundings of the workers: the address, the keeper, systemd, and the configuration."""

    def __init__(
        self,
        prepared: Prepared,
        listener: Listener,
        counts: SharedFile,
        notices: Iterable[str],
        reload: Reload,
        jobs: Jobs | None,
        rules: FollowedRules,
    ) -> None:
        self._prepared = prepared
        self._reread: Prepared = prepared
        self._rules = self._reread_rules = rules
        self._listener = listener
        self._counts = counts
        self._notices = tuple(notices)
        self._reload = reload
        self._notifier = Notifier(os.environ)
        self._keeper = SideProcess("keeper", _keeper_of(prepared), keeper_environment())
        self._jobs = _jobs_of(prepared, jobs)

    @property
    def due(self) -> float:
        """When a process beside us is to be started again, or the file is to be looked at."""
        return min(self._rules.due, *(side.due for side in self._sides()))

    @property
    def readable(self) -> tuple[int, ...]:
        """The output of the processes beside us."""
        return tuple(descriptor for side in self._sides() for descriptor in side.readable)

    def check(self) -> None:
        """Look after the processes beside us, and at the file of the configuration."""
        for side in self._sides():
            side.check()
        self._rules.check()

    def start_sides(self) -> None:
        """Start them."""
        for side in self._sides():
            side.start()

    def stop_sides(self) -> None:
        """End them."""
        for side in self._sides():
            side.stop()

    def _sides(self) -> tuple[SideProcess, ...]:
        return (self._keeper,) if self._jobs is None else (self._keeper, self._jobs)

    def generation(self) -> Generation:
        """Return the workers of the configuration that was read last."""
        prepared, listener, rules = self._reread, self._listener, self._reread_rules
        server = prepared.server
        workers = GranianWorkers(server.threads, prepared.certificate, is_unix=listener.is_unix)
        # granian sets up logging for itself: ours comes after it.
        prepared.log.install()

        def make(number: int, report: Connection) -> BaseProcess:
            own, others = listener.socket_of(number), Inherited(listener.others(number))
            settings = rules.live(prepared.settings)
            message = WorkerMessage(settings, os.getpid(), report, self._counts, rules.source, others)
            return workers.process(number, own, message)

        return Generation(server.workers, server.stop_timeout, make)

    def show_banner(self, ready: Ready) -> None:
        """Say what is served, on standard error."""
        settings = self._prepared.settings
        for notice in self._notices:
            sys.stderr.write(f"notice: {notice}\n")
        if settings.server.log_level != "error":
            text = banner(settings, ready, port=self._listener.port, hostname=name_of_this_machine())
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def report_ready(self) -> None:
        """Tell systemd that every worker serves, and close the sockets of those that are no more."""
        self._listener.shrink(self._prepared.server.workers)
        self._notifier.ready(f"serving at {self._listener.name}")

    def reread(self) -> Generation:
        """Read the configuration again and check what it names."""
        self._notifier.reloading()
        self._prepared.log.reopen()
        fresh = self._reload()
        self._reread = prepare(fresh, os.environ)
        self._reread_rules = self._rules.anew(fresh, self._reread.state)
        return self.generation()

    def adopt(self) -> None:
        """Make what was reread the configuration of the server."""
        before, self._prepared = self._prepared, self._reread
        self._rules = self._reread_rules
        self._rules.begin()
        for name in FIXED:
            if getattr(before.server, name) != getattr(self._prepared.server, name):
                log.warning("`server.%s` changes when the server is restarted", name.replace("_", "-"))
        self._keeper.run(_keeper_of(self._prepared))
        if self._jobs is not None:
            self._jobs.reload()
        log.info("the configuration was read again")

    def stop(self) -> None:
        """Give up the address and the keeper; who is being served does not notice."""
        self._notifier.stopping()
        self._listener.close()
        self.stop_sides()


def _jobs_of(prepared: Prepared, jobs: Jobs | None) -> SideProcess | None:
    if jobs is None:
        return None
    environ = jobs_environment(os.environ, jobs.config, prepared.server.packages, prepared.state)
    # A file that is on its way is brought to its end.
    return SideProcess("jobs", jobs_command(), environ, stop_seconds=prepared.server.stop_timeout)


def _keeper_of(prepared: Prepared) -> tuple[str, ...]:
    server = prepared.server
    passwords = prepared.settings.auth.passwords
    # It has the root directory for its own.
    found = None if passwords is None else Path(os.path.abspath(passwords))
    return keeper_command(
        server.packages,
        prepared.state,
        found,
        rescan=server.rescan,
        level=server.log_level,
        parent=os.getpid(),
        reserve_deleted=server.reserve_deleted,
    )
