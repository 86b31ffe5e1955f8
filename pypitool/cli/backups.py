"""How a backup is told."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.repository.backup import BackedUp


def tell_backup(invocation: Invocation, word: str, file: Path, made: BackedUp) -> None:
    """Print what a backup holds."""
    output = Output(invocation)
    if invocation.json:
        output.document({"file": str(file), **asdict(made)})
    else:
        output.done(f"{word} {file}: {made.files} files of {made.projects} projects, {made.created}")
