"""Carry out a run of the mirror for a command: output, signals, notification, exit code."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.run_output import RunOutput
from pypitool.cli.stopping import stopping

if TYPE_CHECKING:
    from pypitool.core.run_events import Summary
    from pypitool.mirror.notify import Recipients
    from pypitool.mirror.running import Place, Work
    from pypitool.mirror.watching import Watcher
    from pypitool.upstream.model import Upstream


def run_for(
    invocation: Invocation,
    command: str,
    place: Place,
    work: Work,
    *,
    arguments: Sequence[str] = (),
    upstreams: Sequence[Upstream] = (),
    private: tuple[str, ...] = (),
    dry_run: bool = False,
    job: str | None = None,
    recipients: Recipients | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Run, print and notify; return the exit code."""
    from pypitool.mirror.running import RunFrame, run

    own = threading.Event()
    output = RunOutput(invocation)
    with ExitStack() as stack:
        if stop is None:
            stack.enter_context(stopping(own))
        frame = RunFrame(
            command=command,
            described=" ".join((command, *arguments)),
            place=place,
            upstreams=upstreams,
            private=private,
            dry_run=dry_run,
            job=job,
            stop=stop or own,
            watcher=stack.enter_context(_live_view(invocation)),
        )
        summary = run(frame, work, output.event)
    output.summary(summary)
    if recipients is not None and not dry_run:
        _notify(invocation, recipients, summary, job)
    return summary.exit_code


def _notify(invocation: Invocation, recipients: Recipients, summary: Summary, job: str | None) -> None:
    from pypitool.mirror.notify import notify

    for fault in notify(recipients, summary, job):
        Output(invocation).warning(fault)


@contextmanager
def _live_view(invocation: Invocation) -> Iterator[Watcher]:
    from pypitool.mirror.watching import Watcher

    if not invocation.shows_progress():
        yield Watcher()
        return
    from pypitool.cli.terminal import Transfers

    with Transfers() as view:
        yield view
