"""The application as a server runs it: with the log, the numbers and the health of one worker."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util
from pathlib import Path

from flask import Flask

from pypitool.access.rules_file import RulesWatch
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.pace import patience_of
from pypitool.repository.repository import Repository
from pypitool_server.app import create_app
from pypitool_server.engine.reload_rules import follow
from pypitool_server.http.lingering import Lingering
from pypitool_server.http.own_connections import OwnConnections, can_be_watched
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.http.slow_connections import SlowConnections
from pypitool_server.logs.access_log import AccessLog
from pypitool_server.logs.counts import PLACES
from pypitool_server.logs.download_log import DownloadLog
from pypitool_server.logs.logs import Log
from pypitool_server.logs.observer import Observer
from pypitool_server.logs.shared_counters import SharedCounters, SharedFile
from pypitool_server.services import KEY, Services
from pypitool_server.views import operations


@dataclass(frozen=True, slots=True)
class Serving:
    """What one worker serves."""

    app: Flask
    repository: Repository
    observer: Observer


def assemble(
    settings: Settings,
    repository: Repository,
    counts: SharedFile,
    log: Log,
    *,
    watch: RulesWatch,
    tell: Callable[[RulesWatch], None] = lambda _: None,
) -> Serving:
    """Make the application of one worker and start what runs beside it.

    `watch` follows the file of its settings, `tell` hears what is new about that.
    """
    server = settings.server
    access_log = AccessLog(log.sinks, log.format) if server.access_log and log.wants_access else None
    observer = Observer(
        TrustedProxies(server.trusted_proxies, header=server.forwarded_header),
        SharedCounters(counts, PLACES),
        access_log,
        mount=server.server_base_url,
        download_log=_download_log(server, repository.state),
    )
    connections = OwnConnections() if can_be_watched() else None
    lingering = None if connections is None else Lingering(connections)
    app = create_app(settings, repository=repository, observe=observer, lingering=lingering)
    operations.show(app, observer.totals)
    parts: Services = app.extensions[KEY]
    operations.show_rules(app, watch)

    def take() -> None:
        parts.access.follow(watch.settings)
        tell(watch)

    follow(watch, take)
    if connections is not None:
        SlowConnections(connections, parts.answers, patience_of(server.body_timeout)).start()
    observer.start()
    # What was noted in the last second: workers of multiprocessing end without atexit, others with it.
    for last in (observer.fold, parts.access.close):
        util.Finalize(observer, last, exitpriority=0)
        atexit.register(last)
    return Serving(app, repository, observer)


def _download_log(server: ServerSettings, state: Path) -> DownloadLog | None:
    if not server.download_log:
        return None
    return DownloadLog(state, keep=server.download_log_keep, most=server.download_log_max)
