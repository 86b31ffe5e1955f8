"""Workers by granian: the only place that imports it.

granian's own supervision is not used: it binds with SO_REUSEPORT, ends when workers crash twice or when a
reload fails, and starts a thread for each worker. What is used is one method, which makes the process of one
worker; pyproject.toml holds granian at a version whose method is known.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from granian import _granian as rust
from granian import _signals, http
from granian.constants import HTTPModes, Interfaces, RuntimeModes, SSLProtocols
from granian.log import LogLevels
from granian.server.mp import MPServer

from pypitool_server.engine.graceful_stop import GracefulStop
from pypitool_server.engine.listen import BACKLOG
from pypitool_server.engine.tls import Certificate
from pypitool_server.engine.worker import Begin
from pypitool_server.engine.worker_processes import WorkerMessage
from pypitool_server.http.request_limits import LONGEST_TARGET, MOST_HEADERS

if TYPE_CHECKING:
    from pypitool_server.http.wsgi_types import Application

# Connections, not requests: those that are idle hold one as well, and granian closes them after 30 s.
CONNECTIONS_PER_THREAD = 8
LEAST_CONNECTIONS = 4096
# Of a whole head, with what each header costs beside its bytes: 4, or 32 in HTTP/2 (RFC 9113, 6.5.2). The
# front of the application refuses what is too long and says what; what is longer than this is 431 unread.
MOST_OF_HEAD = LONGEST_TARGET + MOST_HEADERS + 4 * 1024


@dataclass(frozen=True, slots=True)
class Loader:
    """What granian calls in the process of a worker, just before it sets its signal handlers."""

    begin: Begin
    descriptor: int  # of the listening socket, which has the same number in a spawned process

    def __call__(self) -> Application:
        """Return the application, and see to it that the worker leaves as it should."""
        application = self.begin()
        stop = GracefulStop(self.descriptor)
        _stop_gracefully(stop)
        return stop.closing_connections(application)


class GranianWorkers:
    """Makes worker processes for one set of settings."""

    def __init__(self, threads: int, certificate: Certificate | None, *, is_unix: bool) -> None:
        self._is_unix = is_unix
        # By chance, so that several servers of a machine do not all meet on its first CPU.
        self._first_cpu = secrets.randbelow(1024)
        self._granian: Any = MPServer(
            target="",
            interface=Interfaces.WSGI,
            http=HTTPModes.auto,
            http1_settings=http.HTTP1Settings(max_buffer_size=MOST_OF_HEAD),
            http2_settings=http.HTTP2Settings(max_headers_size=MOST_OF_HEAD),
            blocking_threads=threads,
            backlog=BACKLOG,
            backpressure=max(threads * CONNECTIONS_PER_THREAD, LEAST_CONNECTIONS),
            websockets=False,
            runtime_mode=RuntimeModes.mt,
            ssl_cert=None if certificate is None else certificate.chain,
            ssl_key=None if certificate is None else certificate.key,
            ssl_protocol_min=SSLProtocols.tls12,
            log_level=LogLevels.warning,
            log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},
        )

    def process(self, number: int, listening: socket.socket, message: WorkerMessage) -> BaseProcess:
        """Make the process of one worker, not yet started."""
        granian = self._granian
        # Its own type stub knows no arguments for this class.
        holder: Any = rust.SocketHolder
        granian._ssp = None
        granian._sso = listening
        granian._shd = holder(listening.fileno(), self._is_unix, BACKLOG)
        loader = Loader(Begin(message, cpu=self._first_cpu + number), listening.fileno())
        made = granian._spawn_worker(number, granian._spawn_wsgi_worker, loader)
        process: BaseProcess = made.inner
        return process


def _stop_gracefully(stop: GracefulStop) -> None:
    # granian itself hears of it once: its third signal would wait for room in a channel, with the GIL, for
    # ever (2.8, tried), and one by Ctrl-C, one by systemd and one by us are quickly together.
    install: Any = _signals.set_main_signals

    def install_ours(shut_down: Callable[..., None], *more: Any) -> None:
        def leave(number: int, frame: Any) -> None:
            stop.begin(lambda: shut_down(number, frame))

        install(leave, *more)

    _signals.set_main_signals = install_ours
