"""For a load balancer, or somebody at 3 a.m.: does the server live, is it ready, and what did it do."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request

from pypitool import __version__
from pypitool.access.rules_file import RulesWatch
from pypitool.config.settings import Settings
from pypitool.core.errors import PypitoolError
from pypitool.core.rights.right import Right
from pypitool.repository.contact import read_heartbeat
from pypitool.repository.repository import Repository
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.logs.counts import Counts
from pypitool_server.services import services
from pypitool_server.views import answers

KEY = "pypitool.totals"
RULES_KEY = "pypitool.access.rules"
# pypiserver's own word: some load balancers look for it.
ALIVE = "Ok"
# Headers that only a proxy sends: who comes by one that tells us no address is no neighbour.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")

Totals = Callable[[], Counts]

# Less than this is a full disk in a moment: an upload would fail, and so would SQLite.
LEAST_FREE_BYTES = 64 * 1024**2
# The keeper gives one each second, also while it scans; one that ended is started again before this.
OLDEST_HEARTBEAT_SECONDS = 20.0


def blueprint(health_endpoint: str) -> Blueprint:
    """Return the addresses for operations; `health_endpoint` is where this server says that it lives."""
    operations = Blueprint("operations", __name__)
    for name, path in (("health", health_endpoint), ("healthz", "/healthz")):
        operations.add_url_rule(path, name, health)
    operations.add_url_rule("/readyz", "readyz", readyz)
    operations.add_url_rule("/metrics", "metrics", metrics)
    return operations


def show(app: Flask, totals: Totals) -> None:
    """Show these numbers under `/metrics`."""
    app.extensions[KEY] = totals


def show_rules(app: Flask, watch: RulesWatch) -> None:
    """Show under `/metrics` whether the rules are those of the file."""
    app.extensions[RULES_KEY] = watch


def health() -> Response:
    """Answer that the server lives."""
    return _fresh(answers.text(ALIVE))


def readyz() -> Response:
    """Answer whether everything is there that the server needs, and what is not."""
    _require_operator()
    here = services()
    wrong = dict(faults(here.settings, here.repository))
    for name, what in wrong.items():
        logging.getLogger(__name__).warning("not ready: %s: %s", name, what)
    document = json.dumps({"ready": not wrong, "faults": wrong}) + "\n"
    answer = Response(document, 503 if wrong else 200, content_type="application/json")
    if wrong:
        answer.headers["Retry-After"] = "5"
    return _fresh(answer)


def faults(settings: Settings, repository: Repository) -> Iterator[tuple[str, str]]:
    """Iterate over what is wrong: the name of a check, and what it found."""
    try:
        repository.catalogue.counts()
    except PypitoolError as error:
        yield "catalogue", f"cannot be read: {error}"
    heartbeat = read_heartbeat(repository.files)
    if heartbeat is None:
        yield "keeper", "has not begun"
    elif (age := heartbeat.age(time.time())) > OLDEST_HEARTBEAT_SECONDS:
        yield "keeper", f"was silent for {age:.0f} s"
    elif heartbeat.failing:
        yield "keeper", f"its turns fail: {heartbeat.failing}"
    for directory in (repository.roots[0], repository.state):
        if (free := free_bytes(directory)) < LEAST_FREE_BYTES:
            yield "disk", f"{free // 1024**2} MiB are free at {directory}"
    passwords = settings.auth.passwords
    if passwords is not None and not os.access(passwords, os.R_OK):
        yield "passwords", f"{passwords} cannot be read"


def free_bytes(directory: Path) -> int:
    """Return how much a process without privileges may still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def metrics() -> Response:
    """Answer with the numbers of all workers."""
    _require_operator()
    # 3 MB that a server without Prometheus does not need.
    from pypitool_server.logs.exposition import CONTENT_TYPE, Gauges, exposed

    repository = services().repository
    watch: RulesWatch | None = current_app.extensions.get(RULES_KEY)
    stale = None if watch is None else watch.fault is not None
    gauges = Gauges(__version__, _held(repository), read_heartbeat(repository.files), time.time(), stale)
    totals: Totals = current_app.extensions.get(KEY, Counts)
    return _fresh(Response(exposed(totals(), gauges), content_type=CONTENT_TYPE))


def _held(repository: Repository) -> tuple[int, int, int] | None:
    # When the catalogue is being mended, the other numbers are wanted most.
    try:
        return (*repository.catalogue.counts(), len(repository.catalogue.problems()))
    except PypitoolError:
        return None


def _require_operator() -> None:
    """Let pass who asks from this very machine, and who may everything."""
    if not _is_neighbour(services().proxies):
        services().access.require_everywhere(Right.ADMIN)


def _is_neighbour(proxies: TrustedProxies) -> bool:
    environ = request.environ
    client = proxies.told(environ)
    if client is None:
        if any(header in environ for header in FORWARDED):
            return False
        client = proxies.client(environ)
    if not client:
        return True  # a unix socket, which file permissions guard
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False


def _fresh(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
