"""`pypitool rescan`: look at every directory now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_repository, progress_bar, tell_misnamed
from pypitool.cli.output import Output
from pypitool.core.errors import EXIT_PARTIAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypitool.core.model import HeldFile, Location, Problem
    from pypitool.repository.scan_record import ScanReport


@command(
    "rescan",
    examples=("pypitool rescan", "pypitool rescan --packages /srv/packages --json"),
    exits={EXIT_PARTIAL: "some files are not listed: each is named with its reason"},
)
@on_packages
@click.pass_obj
def rescan_command(invocation: Invocation) -> int:
    """Walk the directories now, and read what is new or changed.

    A running server does this by itself, at once and every minute. Only what changed is read. Where no
    server runs, the whole catalogue is checked first, and rebuilt if it is damaged.
    """
    from pypitool.repository.scan import mend_if_alone, rescan

    with open_repository(invocation) as repository:
        mend_if_alone(repository)
        with progress_bar(invocation, "reading packages") as step:
            # A keeper at work sees changes by itself; who asks all the same gets a walk of everything.
            report = rescan(repository, step)
        problems = repository.catalogue.problems()
        misnamed = repository.catalogue.misnamed()
    output = Output(invocation)
    if invocation.json:
        output.document(_document(report, problems, misnamed))
    else:
        for problem in problems:
            output.line(f"not listed: {problem.location.path}: {problem.reason}")
        tell_misnamed(invocation, misnamed)
        output.done(f"{report.listed} read, {report.gone} gone, {report.unchanged} unchanged")
    return EXIT_PARTIAL if problems else 0


def _document(
    report: ScanReport, problems: Sequence[Problem], misnamed: Sequence[HeldFile]
) -> dict[str, Any]:
    return {
        "listed": report.listed,
        "gone": report.gone,
        "unchanged": report.unchanged,
        "problems": [_place(problem.location, problem.reason) for problem in problems],
        "misnamed": [_place(file.location, file.contents.misnamed) for file in misnamed],
    }


def _place(location: Location, reason: str | None) -> dict[str, Any]:
    return {"root": location.root, "path": location.path, "reason": reason}
