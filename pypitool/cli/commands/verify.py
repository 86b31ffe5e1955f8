"""`pypitool verify`: does every file still have its bytes, here and at its upstream?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_options import UpstreamOptions, upstream_options
from pypitool.cli.mirror_run import run_for, workspace_of
from pypitool.cli.output import load_and_warn
from pypitool.core.errors import Kind
from pypitool.core.mirror.run_events import DifferenceEvent
from pypitool.core.mirror.run_summary import Ending

if TYPE_CHECKING:
    from pypitool.mirror.sync import Mirror, Report
    from pypitool.repository.verify import FileDifference, Verification


@command(
    "verify",
    examples=("pypitool verify", "pypitool verify --upstream --json"),
    exits={
        1: "something differs: each file is named with the reason",
        3: "some projects could not be asked about, the rest is verified",
        7: "no index answered; trying again may help",
    },
)
@option(
    "--upstream", is_flag=True,
    help="Ask upstream too: what has vanished, was quarantined or yanked, or has other bytes there.",
)  # fmt: skip
@upstream_options
@on_packages
@click.pass_obj
def verify_command(invocation: Invocation, upstream: bool, where: UpstreamOptions) -> int:
    """Read every file again, and name what differs from the catalogue.

    With --upstream the files are held against what their index offers now; private projects, and those of
    which somebody uploaded a file, are not asked for. A yank there is noted here; nothing is ever deleted.
    """
    from pypitool.mirror.configured import asks_about_copied_in, recipients, upstreams

    settings = load_and_warn(invocation).settings

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.verify_upstream import verify_upstream

        found = _verified(mirror)
        for difference in found.differences:
            report(_event(difference))
        ending = Ending()
        if upstream:
            ending = verify_upstream(mirror, report, copied_in=asks_about_copied_in(settings))
        return replace(ending, files=found.files, bytes=found.bytes)

    return run_for(
        invocation, "verify", workspace_of(settings), work,
        arguments=["--upstream"] if upstream else [],
        upstreams=where.upstreams(upstreams(settings, invocation.environ)) if upstream else (),
        private=settings.policy.private, only_notes=True, recipients=recipients(settings),
    )  # fmt: skip


def _verified(mirror: Mirror) -> Verification:
    from pypitool.repository.verify import verify
    from pypitool.upstream.upstream_errors import Stopped

    with mirror.progress.during("hashing packages") as phase:

        def step(done: int, total: int) -> None:
            if mirror.stop.is_set():
                raise Stopped
            phase.at(done, total)

        return verify(mirror.repository, step)


def _event(difference: FileDifference) -> DifferenceEvent:
    file = difference.file
    return DifferenceEvent(
        project=file.project,
        kind=Kind.INVALID,
        message=difference.reason,
        name=file.filename,
        version=file.version,
        path=file.location.path,
    )
