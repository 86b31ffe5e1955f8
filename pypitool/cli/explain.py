"""`pypitool sync --explain PROJECT`: each file on offer, and the rule that took or refused it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_run import place_of
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.mirror.candidate_report import Explained


def explain_sets(invocation: Invocation, settings: Settings, names: tuple[str, ...], project: str) -> int:
    """Print the verdicts about a project for every set and target."""
    from pypitool.mirror.candidate_report import explain
    from pypitool.mirror.configured import set_requests, upstreams
    from pypitool.mirror.run import RunFrame, opened

    asked = upstreams(settings, invocation.environ)
    requests = set_requests(settings, names)
    frame = RunFrame("sync", "sync", place_of(settings), asked, settings.policy.private, dry_run=True)
    with opened(frame) as mirror:
        explained = explain(mirror, requests, project, invocation.environ)
    if invocation.json:
        for one in explained:
            click.echo(json.dumps(one.as_json()))
    else:
        _print(Output(invocation), explained)
    return 0


def _print(output: Output, explained: list[Explained]) -> None:
    output.table(("SET", "TARGET", "TAKEN", "FILE", "RULE"), list(_rows(explained)))


def _rows(explained: list[Explained]) -> Iterator[tuple[str, ...]]:
    for one in explained:
        yield one.set, one.target, "yes" if one.taken else "no", one.filename, one.rule
