"""`pypitool verify`: does every file still have its bytes?"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened, watched
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.verify import Difference, Verification


@command(
    "verify",
    examples=("pypitool verify", "pypitool verify --packages /srv/packages --json"),
    exits={1: "something differs: each file is named with the reason"},
)
@on_packages
@click.pass_obj
def verify_command(invocation: Invocation) -> int:
    """Read every file again, and name what differs from the catalogue.

    Nothing is changed. With --json there is one line for each difference, and a summary.
    """
    from pypitool.verify import verify

    started = time.monotonic()
    with opened(invocation) as repository, watched(invocation, "hashing packages") as step:
        found = verify(repository, step)
    if invocation.json:
        _print_lines(found, time.monotonic() - started)
    else:
        _print_sentences(found, Output(invocation))
    return 1 if found.differences else 0


def _print_sentences(found: Verification, output: Output) -> None:
    from pypitool.core.quantities import short_size

    for difference in found.differences:
        output.line(f"{difference.file.location.path}: {difference.reason}")
    output.done(f"{found.files} files, {short_size(found.bytes)}: {len(found.differences)} differ")


def _print_lines(found: Verification, seconds: float) -> None:
    for difference in found.differences:
        click.echo(json.dumps(_line(difference)))
    failed = len(found.differences)
    summary = {
        "type": "summary",
        "command": "verify",
        "outcome": "failed" if failed else "ok",
        "exit_code": 1 if failed else 0,
        "files": found.files,
        "failed": failed,
        "bytes": found.bytes,
        "seconds": round(seconds, 3),
    }
    click.echo(json.dumps(summary))


def _line(difference: Difference) -> dict[str, object]:
    file = difference.file
    return {
        "type": "file",
        "name": file.filename,
        "path": file.location.path,
        "project": file.project,
        "version": file.version,
        "outcome": "failed",
        "message": difference.reason,
    }
