"""How decisions about releases are told."""

from __future__ import annotations

from typing import Any

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output


def tell_change(invocation: Invocation, word: str, document: dict[str, Any]) -> None:
    """Print what was decided for which files, and for which it had been before."""
    output = Output(invocation)
    if invocation.json:
        output.document(document)
        return
    for filename in document["changed"]:
        output.done(f"{word} {filename}")
    for filename in document["unchanged"]:
        output.done(f"{word} already: {filename}")
