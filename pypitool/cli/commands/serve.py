"""`pypitool serve`: start the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.pypiserver import BACKEND, accept_and_warn
from pypitool.cli.settings_options import setting_options

if TYPE_CHECKING:
    from pypitool.config.loader import Loaded
    from pypitool.config.settings import Settings
    from pypitool.core.errors import PypitoolError

_LOG_FORMAT = "the format of the log is `--log-format text` or `json`, `--log-file` keeps it"
# pypi-server's flags that make no sense here; a unit or compose file that has them must still start.
WITHOUT_EFFECT = {
    "--server": "there is one server, and it is built in",
    **BACKEND,
    "--log-frmt": _LOG_FORMAT,
    "--log-req-frmt": _LOG_FORMAT,
    "--log-res-frmt": _LOG_FORMAT,
    "--log-err-frmt": _LOG_FORMAT,
}


@command(
    "serve",
    examples=(
        "pypitool serve -p 8080 -P /etc/pypitool/htpasswd /srv/packages",
        "pypitool serve --config /etc/pypitool/config.toml --workers 4",
    ),
    exits={
        1: "the port is in use, or the server failed",
        8: "the configuration is wrong, or a directory cannot be used",
    },
)
@click.argument("directories", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path, file_okay=False))
@setting_options
@accept_and_warn(WITHOUT_EFFECT)
@option(
    "--jobs", "with_jobs", is_flag=True, topic="Running",
    help="Run the jobs of the configuration too, as `pypitool daemon` does.",
)  # fmt: skip
@click.pass_obj
def serve_command(invocation: Invocation, directories: tuple[Path, ...], with_jobs: bool) -> int:
    """Serve directories of packages as a Python package index.

    pip, uv, twine, poetry and the others talk to it as they talk to the public PyPI. What is copied into
    the directories is served within a second; uploads go to the first one. `pypitool run` is the same.
    """
    loaded = configured(invocation, directories)
    from pypitool.config.live import ConfigSource

    # The only import of the server by the command line, and not before everything is known to be right.
    from pypitool_server.engine.serve import serve
    from pypitool_server.engine.server import Jobs

    notices = [*invocation.notices, *loaded.notices, *_make_default_directory(loaded)]
    jobs = Jobs(invocation.config and invocation.config.absolute()) if with_jobs else None
    source = ConfigSource.of(invocation.flags, invocation.environ, invocation.config)
    return serve(
        loaded.settings, notices, reload=lambda: invocation.load().settings, jobs=jobs, source=source
    )


def _make_default_directory(loaded: Loaded) -> Iterator[str]:
    # pypi-server serves nothing from a `~/packages` that is not there; a directory that was asked for
    # must exist.
    (directory, *_) = loaded.settings.server.packages
    if loaded.origins["server.packages"].is_default and not directory.exists():
        directory.mkdir(parents=True)
        yield f"made the directory {directory}"


def what_keeps_it_from_starting(loaded: Loaded) -> Iterator[tuple[str, PypitoolError]]:
    """Yield the key of each file or directory that the server cannot use, and what is wrong with it."""
    from pypitool_server.engine.needed_files import misplaced

    settings = loaded.settings
    makes_it = loaded.origins["server.packages"].is_default and not settings.server.packages[0].exists()
    for key, error in misplaced(settings, settings.server.packages, lambda: _may_write(settings)):
        if not (makes_it and key == "server.packages"):
            yield key, error


def _may_write(settings: Settings) -> bool:
    from pypitool_server.engine.prepare import may_write

    return may_write(settings)


def configured(invocation: Invocation, directories: tuple[Path, ...]) -> Loaded:
    """Read the configuration, with what stands on the command line besides the flags of keys."""
    if directories:
        flags = invocation.flags
        flags["server.packages"] = (*directories, *flags.get("server.packages", ()))
    _choose_log_level(invocation)
    return invocation.load()


def _choose_log_level(invocation: Invocation) -> None:
    # pypi-server: -v is INFO, -vv is DEBUG, and what is more than that is more of that.
    if "server.log-level" in invocation.flags:
        return
    if invocation.verbose:
        invocation.flags["server.log-level"] = "info" if invocation.verbose == 1 else "debug"
    elif invocation.quiet:
        invocation.flags["server.log-level"] = "error"
