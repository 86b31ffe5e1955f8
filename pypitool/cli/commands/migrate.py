"""`pypitool migrate`: move in from another server; the plan is printed first."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.move import Move
from pypitool.cli.output import load_and_warn
from pypitool.cli.settings_options import setting_option
from pypitool.core.errors import EXIT_PARTIAL
from pypitool.core.text import counted

_SOURCE = click.Path(path_type=Path)
_CONFIG = Path("config.toml")


def _options(function: Any) -> Any:
    """Give a command what every move takes."""
    function = option("-n", "--dry-run", is_flag=True, help="Print the plan, and do nothing.")(function)
    return option(
        "--write", "target", type=click.Path(path_type=Path, dir_okay=False), default=_CONFIG, metavar="FILE",
        help="Write the configuration there, and never over another one.  [default: ./config.toml]",
    )(function)  # fmt: skip


@click.group(
    "migrate",
    cls=Group,
    examples=(
        "pypitool migrate pypiserver /etc/systemd/system/pypi-server.service -n",
        "pypitool migrate devpi /srv/export --index acme/prod --packages /srv/packages",
    ),
)
def migrate_command() -> None:
    """Move in from another server.

    The plan is printed before anything is done, what is not understood is listed in it, and the same can be
    done again.
    """


@migrate_command.command(
    "directory",
    examples=("pypitool migrate directory /srv/www/packages", "pypitool migrate directory . -n"),
    exits={5: "there is no such directory", 6: "another configuration is there, and stays"},
)
@click.argument("source", type=_SOURCE)
@_options
@click.pass_obj
def directory_command(invocation: Invocation, source: Path, dry_run: bool, target: Path) -> int:
    """Serve a directory of packages where it lies.

    SOURCE is the directory, however deep the files lie in it. Unknown projects stay 404.
    """
    from pypitool.moving.sources import plan_directory

    return Move(invocation, plan_directory(source), target, dry_run).carry_out()


@migrate_command.command(
    "pypiserver",
    examples=(
        "pypitool migrate pypiserver /srv/packages",
        "pypitool migrate pypiserver docker-compose.yml --write /etc/pypitool/config.toml",
        "pypitool migrate pypiserver 'pypi-server run -P .htpasswd -a update ~/packages'",
    ),
    exits={
        1: "what has to be known is not said there",
        5: "there is no such file or directory",
        6: "another configuration is there, and stays",
    },
)
@click.argument("source")
@_options
@click.pass_obj
def pypiserver_command(invocation: Invocation, source: str, dry_run: bool, target: Path) -> int:
    """Serve what pypi-server serves, where it lies, with its options.

    SOURCE is its directory, the unit of systemd or the compose file that starts it, or its command line as
    one word. Only the words of pypi-server are read, and which place a volume is; all else is listed.
    """
    from pypitool.moving.sources import plan_pypiserver

    return Move(invocation, plan_pypiserver(source), target, dry_run).carry_out()


@migrate_command.command(
    "bandersnatch",
    examples=(
        "pypitool migrate bandersnatch /etc/bandersnatch.conf",
        "pypitool migrate bandersnatch /srv/pypi -n",
    ),
    exits={5: "there is no such file or directory", 6: "another configuration is there, and stays"},
)
@click.argument("source", type=_SOURCE)
@_options
@setting_option("server.state", topic="Where")
@click.pass_obj
def bandersnatch_command(invocation: Invocation, source: Path, dry_run: bool, target: Path) -> int:
    """Serve the files of a mirror where they lie.

    SOURCE is bandersnatch's configuration, or the folder with `web` in it. The files count as mirrored, with
    upload times and yanks of its JSON; those that no JSON names are copied in. The state lies beside `web`.
    """
    from pypitool.core.moving.move_plan import OldSetting
    from pypitool.moving.sources import plan_bandersnatch

    plan = plan_bandersnatch(source)
    state = invocation.flags.get("server.state")
    if state is not None:
        plan = plan.giving(OldSetting("server.state", str(Path(state).absolute()), "--state"))

    def work(move: Move) -> int:
        from pypitool.moving.carry_out import record_mirrored

        with move.opened() as repository:
            count = record_mirrored(repository, plan)
        move.said({"recorded": count}, f"{counted(count, 'file')} recorded as mirrored")
        return 0

    return Move(invocation, plan, target, dry_run, work).carry_out()


@migrate_command.command(
    "devpi",
    examples=(
        "pypitool migrate devpi /srv/export --packages /srv/packages -n",
        "pypitool migrate devpi /srv/export --index acme/prod --packages /srv/packages",
    ),
    exits={
        2: "the export has several indexes, or not this one",
        EXIT_PARTIAL: "",
        5: "there is no such directory",
        6: "another configuration is there, and stays",
    },
)
@click.argument("source", type=_SOURCE)
@option("--index", metavar="USER/NAME", help="The index to move; needed where there are several.")
@_options
@on_packages
@click.pass_obj
def devpi_command(
    invocation: Invocation, source: Path, index: str | None, dry_run: bool, target: Path
) -> int:
    """Take the files of one index of devpi into the packages.

    SOURCE is the folder that `devpi-export` (`devpi-server --export`) has written. Files are linked, or
    copied where that cannot be, and keep their uploader and their time. Passwords do not come along.
    """
    from pypitool.core.moving.move_plan import OldSetting
    from pypitool.moving.sources import plan_devpi

    server = load_and_warn(invocation).settings.server
    plan = plan_devpi(source, index, [root.absolute() for root in server.packages])
    if server.state is not None:
        plan = plan.giving(OldSetting("server.state", str(server.state), ""))

    def work(move: Move) -> int:
        from pypitool.host import make_directory
        from pypitool.moving.carry_out import move_files

        make_directory(Path(plan.packages[0]))
        with move.opened() as repository:
            moved = move.told(move_files(repository, plan, Path(os.path.expanduser(source))))
        counts = Counter(one.outcome for one in moved)
        said = {outcome: counts[outcome] for outcome in ("moved", "kept", "failed")}
        move.said(said, ", ".join(f"{count} {outcome}" for outcome, count in said.items()))
        return EXIT_PARTIAL if counts["failed"] else 0

    return Move(invocation, plan, target, dry_run, work).carry_out()
