"""`pypitool_server.wsgi:app`: the application for gunicorn and every other WSGI server.

It is configured by the configuration file (PYPITOOL_CONFIG) and PYPITOOL_ variables. One of the workers is
elected as keeper by the keeper's lock, and runs it in a thread.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypitool_server.engine.other_servers import ForeignApplication

    app: ForeignApplication


def __getattr__(name: str) -> object:
    # Nothing is read when this module is imported, only when a server asks for the application.
    if name == "app":
        return application()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def application() -> ForeignApplication:
    """Return the application that the environment of this process configures."""
    import os

    from pypitool.access.rules_file import RulesWatch
    from pypitool.config.live import ConfigSource
    from pypitool.config.loader import load_settings
    from pypitool.config.settings import forwarding_notices
    from pypitool_server.engine.other_servers import ForeignApplication
    from pypitool_server.engine.prepare import prepare

    source = ConfigSource.of({}, os.environ)
    loaded = load_settings({}, os.environ)
    watch = RulesWatch(source, loaded.settings)
    prepared = prepare(loaded.settings, os.environ)
    notices = (*loaded.notices, *forwarding_notices(loaded.settings), *prepared.notices)
    return ForeignApplication(prepared, notices, watch)


# uWSGI asks no `__getattr__`: it looks for the name in the dictionary of the module that it has imported. The
# module `uwsgi` is there in its processes alone.
if "uwsgi" in sys.modules:
    app = application()
