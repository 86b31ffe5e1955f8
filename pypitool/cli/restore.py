"""`pypitool restore`: bring the state back to a backup."""

from __future__ import annotations

from pathlib import Path

import click

from pypitool.cli.backups import tell_backup
from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened, state_of, tell_problems, watched


@command(
    "restore",
    examples=(
        "pypitool restore /var/backups/pypitool.tar",
        "pypitool restore ./state.tar --packages /srv/packages",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@on_packages
@click.pass_obj
def restore_command(invocation: Invocation, file: Path) -> None:
    """Bring the state back to what a backup holds, all or nothing.

    The server may go on. The packages themselves stay as they are, and are compared with it afterwards;
    the log of decisions that was there is kept beside the restored one.
    """
    from pypitool.repository.backup import restore
    from pypitool.repository.scan import rescan

    restored = restore(file, state_of(invocation))
    with opened(invocation) as repository, watched(invocation, "reading packages") as step:
        # What came or went since the backup is found now, beside the keeper where there is one.
        tell_problems(invocation, rescan(repository, step).problems)
    tell_backup(invocation, "restored", file, restored)
