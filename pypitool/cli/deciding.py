"""How decisions about releases are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.releases import Change


def tell_change(invocation: Invocation, word: str, change: Change) -> None:
    """Print what was decided for which files, and for which it had been before."""
    output = Output(invocation)
    if invocation.json:
        output.document(
            {
                "project": change.project,
                "changed": list(change.changed),
                "unchanged": list(change.unchanged),
            }
        )
        return
    for filename in change.changed:
        output.done(f"{word} {filename}")
    for filename in change.unchanged:
        output.done(f"{word} already: {filename}")
