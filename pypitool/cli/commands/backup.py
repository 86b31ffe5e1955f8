"""`pypitool backup` and `pypitool restore`: a copy of the state, and the way back to it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_repository, progress_bar, state_directory, tell_problems
from pypitool.cli.output import Output
from pypitool.core.text import counted

if TYPE_CHECKING:
    from pypitool.repository.backup import BackedUp


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

    with open_repository(invocation) as repository:
        made = backup(repository.state, file)
    _tell(invocation, "wrote", file, made)


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

    restored = restore(file, state_directory(invocation))
    with open_repository(invocation) as repository, progress_bar(invocation, "reading packages") as step:
        # What came or went since the backup is found now, beside the keeper where there is one.
        tell_problems(invocation, rescan(repository, step).problems)
    _tell(invocation, "restored", file, restored)


def _tell(invocation: Invocation, word: str, file: Path, made: BackedUp) -> None:
    """Print what a backup holds."""
    output = Output(invocation)
    if invocation.json:
        output.document({"file": str(file), **asdict(made)})
    else:
        what = f"{counted(made.files, 'file')} of {counted(made.projects, 'project')}"
        output.done(f"{word} {file}: {what}, {made.created}")
