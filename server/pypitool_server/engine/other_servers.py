"""The application under gunicorn and its like: every process makes its own, and one of them is the keeper."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from pypitool.access.rules_file import RulesWatch
from pypitool.access.rules_record import write_record
from pypitool.core.state_files import StateFiles
from pypitool.host import lock_now, open_or_make
from pypitool.keeper.keeper import Keeper
from pypitool.repository.contact import serving as hold_as_server
from pypitool.repository.repository import Repository
from pypitool_server.engine.assemble import assemble
from pypitool_server.engine.prepare import Prepared
from pypitool_server.engine.reload_rules import tell_change
from pypitool_server.http.wsgi_types import Application, Environ, StartResponse
from pypitool_server.logs.shared_counters import SharedFile

KEEPER_STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class ForeignApplication:
    """A WSGI callable that makes the application at the first request of each process.

    Not earlier: a server that loads it and forks then (`gunicorn --preload`) would leave threads and database
    connections behind in its master.
    """

    def __init__(self, prepared: Prepared, notices: Iterable[str], watch: RulesWatch) -> None:
        self._prepared = prepared
        self._watch = watch
        self._notices = tuple(notices)
        self._making = threading.Lock()
        self._made: dict[int, Application] = {}
        self._held: list[object] = []  # until the process ends

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        made = self._made.get(os.getpid()) or self._make()
        return made(environ, start_response)

    def _make(self) -> Application:
        with self._making:
            own = os.getpid()
            if own not in self._made:
                self._made[own] = self._assembled()
            return self._made[own]

    def _assembled(self) -> Application:
        prepared = self._prepared
        prepared.log.install()
        for notice in self._notices:
            log.warning("%s", notice)
        server = prepared.server
        repository = Repository.open(server.packages, prepared.state, reserve_deleted=server.reserve_deleted)
        self._held.append(hold_as_server(repository.files))
        counts = SharedFile.named(StateFiles(prepared.state).counts)
        tell = _Elected(prepared, self._watch).tell
        serving = assemble(prepared.settings, repository, counts, prepared.log, watch=self._watch, tell=tell)
        passwords = prepared.settings.auth.passwords
        keep_beside(repository, rescan=prepared.server.rescan, passwords=passwords)
        return serving.app.wsgi_app


class _Elected:
    """Tells of the rules in one of the processes: the first, and when that is gone another one."""

    def __init__(self, prepared: Prepared, watch: RulesWatch) -> None:
        lock = StateFiles(prepared.state).rules_lock
        self._lock = open_or_make(lock, 0o640)
        self._state = prepared.state
        self._told = watch.record
        if self._is_us():
            write_record(self._state, self._told)

    def tell(self, watch: RulesWatch) -> None:
        """Tell what is new, if it is us who tells."""
        if self._is_us():
            self._told = tell_change(self._state, self._told, watch.record)

    def _is_us(self) -> bool:
        return bool(lock_now(self._lock))


def keep_beside(repository: Repository, *, rescan: float, passwords: Path | None = None) -> None:
    """Run a keeper in a thread of this process until it ends; it works only while no other does."""
    stop = threading.Event()
    keeper = Keeper(repository, rescan=rescan, passwords=passwords)
    # A daemon, because threads that are none are waited for before anybody could tell them to stop.
    thread = threading.Thread(target=keeper.run, args=(stop.is_set,), name="keeper", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(KEEPER_STOP_SECONDS)

    atexit.register(end)
