"""The application under another WSGI server: every process makes its own, and one is the keeper."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterable

from pypitool.keeper import Keeper
from pypitool.repository import Repository
from pypitool_server.gateway import Application, Environ, StartResponse
from pypitool_server.preparation import Prepared
from pypitool_server.serving import assemble
from pypitool_server.slots import SharedFile

COUNTS = "counts.bin"
KEEPER_STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class ForeignApplication:
    """A WSGI callable that makes the application at the first request of each process.

    Not earlier: a server that loads it and forks then (`gunicorn --preload`) would leave threads and database
    connections behind in its master.
    """

    def __init__(self, prepared: Prepared, notices: Iterable[str]) -> None:
        self._prepared = prepared
        self._notices = tuple(notices)
        self._making = threading.Lock()
        self._made: dict[int, Application] = {}

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
        repository = Repository.open(prepared.server.packages, prepared.state)
        counts = SharedFile.named(prepared.state / COUNTS)
        serving = assemble(prepared.settings, repository, counts, prepared.log)
        keep_beside(repository, rescan=prepared.server.rescan)
        return serving.app.wsgi_app


def keep_beside(repository: Repository, *, rescan: float) -> None:
    """Run a keeper in a thread of this process until it ends; it works only while no other does."""
    stop = threading.Event()
    keeper = Keeper(repository, rescan=rescan)
    # A daemon, because threads that are none are waited for before anybody could tell them to stop.
    thread = threading.Thread(target=keeper.run, args=(stop.is_set,), name="keeper", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(KEEPER_STOP_SECONDS)

    atexit.register(end)
