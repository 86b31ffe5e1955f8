"""`serve`: everything that happens between a command line and the first answer."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from contextlib import ExitStack

from pypitool.config.live import ConfigSource
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings, forwarding_notices
from pypitool.core.state_files import StateFiles
from pypitool.repository.contact import serving
from pypitool_server.engine.listen import Listener, TcpListener, UnixListener
from pypitool_server.engine.prepare import allow_many_files, prepare, refuse_few_files
from pypitool_server.engine.reload_rules import FollowedRules
from pypitool_server.engine.server import Jobs, Reload, Server
from pypitool_server.engine.supervision import Supervisor
from pypitool_server.logs.shared_counters import SharedFile

# As Python has it: a command looks for circles of garbage more rarely, but a server lives long.
_GARBAGE_AFTER = (700, 10, 10)


def serve(
    settings: Settings,
    notices: Iterable[str] = (),
    *,
    source: ConfigSource,
    reload: Reload | None = None,
    jobs: Jobs | None = None,
) -> int:
    """Serve until a signal says to stop, and return the exit code.

    `reload` reads the configuration again at SIGHUP; without it the workers are renewed with the same one.
    With `jobs` the jobs of the configuration are run by a process beside the server.
    `source` is where the settings came from: what of them may change live is read from there again.
    """
    refuse_few_files()
    prepared = prepare(settings, os.environ)
    notices = (*notices, *forwarding_notices(settings), *prepared.notices)
    with ExitStack() as closing:
        closing.enter_context(serving(StateFiles(prepared.state)))
        listener = _listen(settings.server)
        closing.callback(listener.close)
        counts = SharedFile.anonymous()
        closing.callback(counts.close)
        rules = FollowedRules(source, settings, prepared.state)
        rules.begin()
        server = Server(prepared, listener, counts, notices, reload or (lambda: settings), jobs, rules)
        closing.callback(server.stop_sides)
        server.start_sides()
        allow_many_files()
        gc.set_threshold(*_GARBAGE_AFTER)
        return Supervisor(server.generation(), server).run()


def _listen(server: ServerSettings) -> Listener:
    if server.unix_socket is not None:
        return UnixListener(server.unix_socket, server.unix_socket_mode)
    return TcpListener(server.host, server.port)
