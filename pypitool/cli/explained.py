"""`--explain PROJECT`: each file on offer, and the rule that took or refused it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.event_document import document

if TYPE_CHECKING:
    from pypitool.mirror.run import RunFrame
    from pypitool.mirror.sets import SetRequest


def print_explained(
    invocation: Invocation, frame: RunFrame, requests: Sequence[SetRequest], project: str
) -> int:
    """Print the verdicts about a project for every set and target, and fetch nothing."""
    from pypitool.mirror.candidate_report import explain
    from pypitool.mirror.run import open_mirror

    with open_mirror(frame) as mirror:
        explained = explain(mirror, requests, project, invocation.environ)
    if invocation.json:
        for one in explained:
            click.echo(json.dumps(document(one)))
    else:
        rows = [
            (one.set, one.target, "yes" if one.taken else "no", one.filename, one.rule) for one in explained
        ]
        Output(invocation).table(("Set", "Target", "Taken", "File", "Rule"), rows)
    return 0
