"""What is noted of each request: two microseconds in front, counting and writing behind."""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import time

from pypitool.core.guard import Turns
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.logs.access_log import AccessLog, Request
from pypitool_server.logs.counts import Counts
from pypitool_server.logs.download_log import DownloadLog
from pypitool_server.logs.shared_counters import SharedCounters
from pypitool_server.replay.front import DOWNLOAD

EACH_SECONDS = 1.0
ENOUGH = 1000
# More cannot be waiting unless nobody reads our output: then lines are lost, not memory.
MOST = 100_000

log = logging.getLogger(__name__)


class Observer:
    """Notes every request of one worker; a thread of its own counts and writes them each second."""

    def __init__(
        self,
        proxies: TrustedProxies,
        slots: SharedCounters,
        access_log: AccessLog | None,
        *,
        mount: str = "",
        download_log: DownloadLog | None = None,
    ) -> None:
        self._proxies = proxies
        self._forwarded = proxies.variable
        self._access_log = access_log
        self._download_log = download_log
        self._mount = mount.rstrip("/")
        self._noted: deque[Request] = deque(maxlen=MOST)
        self._note = self._noted.append
        self._wake = threading.Event()
        self._folding = threading.Lock()
        self._slots = slots
        self._counts = Counts(slots.claim())

    def start(self) -> None:
        """Begin to count and write; not before the last fork, which would leave the thread behind."""
        threading.Thread(target=self._run, name="observer", daemon=True).start()

    def __call__(
        self, environ: Environ, status: int, size: int, seconds: float, user: str | None, replayed: bool
    ) -> None:
        """Note one answered request. Strings are taken, never the environment: it holds the connection."""
        get = environ.get
        address = get("REMOTE_ADDR", "")
        if self._forwarded in environ:
            address = self._proxies.client(environ)
        self._note(
            Request(
                address,
                user,
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                get("QUERY_STRING", ""),
                get("SERVER_PROTOCOL", ""),
                get("HTTP_USER_AGENT", ""),
                status,
                replayed,
                size,
                seconds,
                time(),
                get(DOWNLOAD),
            )
        )
        if len(self._noted) == ENOUGH:
            self._wake.set()

    def totals(self) -> Counts:
        """Return the numbers of all workers, with everything that this one has seen."""
        self.fold()
        totals = Counts()
        for values in self._slots.all():
            totals.merge(values)
        return totals

    def fold(self) -> None:
        """Count and write what was noted since the last time."""
        with self._folding:
            noted = self._noted
            batch = [noted.popleft() for _ in range(len(noted))]
            if self._download_log is not None:
                self._download_log.write(batch)
            if not batch:
                return
            self._counts.add(batch, self._mount)
            self._slots.store(self._counts.values)
            if self._access_log is not None:
                self._access_log.write(batch)

    def _run(self) -> None:
        turns = Turns(lambda fault: log.error("requests are not counted: %s", fault))
        while True:
            self._wake.wait(EACH_SECONDS)
            self._wake.clear()
            turns.take(self.fold)
