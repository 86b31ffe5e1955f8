"""`pypitool backup`: keep a copy of what cannot be found again in the packages."""

from __future__ import annotations

from pathlib import Path

import click

from pypitool.cli.backups import tell_backup
from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened


@command(
    "backup",
    examples=("pypitool backup /var/backups/pypitool.tar", "pypitool backup ./state.tar --json"),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@on_packages
@click.pass_obj
def backup_command(invocation: Invocation, file: Path) -> None:
    """Write a backup of the state to a tar file, while the server runs.

    It holds the catalogue and what people decided (yanks, statuses, who uploaded what), and not the
    packages: copy those as you copy files.
    """
    from pypitool.repository.backup import backup

    with opened(invocation) as repository:
        made = backup(repository.state, file)
    tell_backup(invocation, "wrote", file, made)
