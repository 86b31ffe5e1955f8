"""Carry out a run of the mirror for a command: output, signals, notification, exit code."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.run_output import RunOutput
from pypitool.cli.stopping import stopping
from pypitool.core.mirror.run_events import Event, FileEvent, HoleEvent

if TYPE_CHECKING:
    from pathlib import Path

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Summary
    from pypitool.mirror.fetch import Watcher
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.notify import Recipients
    from pypitool.mirror.run import Work
    from pypitool.mirror.workspace import Place
    from pypitool.upstream.page_model import Upstream


# What a hole of these is mended by: another pin, or uv.
_MENDABLE = ("download", "sync")


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
    only_notes: bool = False,
    recipients: Recipients | None = None,
) -> int:
    """Run, print and notify; return the exit code."""
    from pypitool.mirror.run import RunFrame, run

    stop, job = invocation.stop or threading.Event(), invocation.job
    output, missing = RunOutput(invocation), set[str]()
    with ExitStack() as stack:
        if invocation.stop is None:
            stack.enter_context(stopping(stop))
        view = stack.enter_context(_live_view(invocation))
        frame = RunFrame(
            command=command,
            described=" ".join((command, *arguments)),
            place=place,
            upstreams=upstreams,
            private=private,
            dry_run=dry_run,
            job=job,
            stop=stop,
            finishes_files=invocation.stop is not None,
            watcher=view,
            only_notes=only_notes,
        )
        summary = run(frame, work, partial(_tell, output, view, missing))
    output.summary(summary)
    if missing and command in _MENDABLE:
        names = ", ".join(f"`{name}`" for name in sorted(missing))
        Output(invocation).done(f"hint: pin {names}, or let uv add what is missing with --resolve")
    # A job that only looks (`update`) was asked to tell what it sees.
    if recipients is not None and (job is not None or not dry_run):
        _notify(invocation, recipients, summary, job)
    return summary.exit_code


def place_of(settings: Settings, directory: Path | None = None) -> Place:
    """Return where a run works: the configured directories with their state, or another directory."""
    from pypitool.mirror.workspace import Place

    if directory is not None:
        return Place((directory.expanduser().absolute(),))
    return Place(settings.server.packages, settings.server.state)


def tell_input_warnings(invocation: Invocation, inputs: Inputs) -> None:
    """Say what of the requirements is passed over."""
    for warning in inputs.warnings:
        Output(invocation).warning(warning)


def _tell(output: RunOutput, view: Watcher, missing: set[str], event: Event) -> None:
    if isinstance(event, HoleEvent) and event.unpinned is not None:
        missing.add(event.unpinned)
    if view.is_live and isinstance(event, FileEvent) and event.outcome == "fetched":
        return
    with view.aside():
        output.event(event)


def _notify(invocation: Invocation, recipients: Recipients, summary: Summary, job: str | None) -> None:
    from pypitool.mirror.notify import notify

    for fault in notify(recipients, summary, job):
        Output(invocation).warning(fault)


@contextmanager
def _live_view(invocation: Invocation) -> Iterator[Watcher]:
    from pypitool.mirror.fetch import Watcher

    if not invocation.shows_progress():
        yield Watcher()
        return
    from pypitool.cli.terminal import Transfers

    with Transfers() as view:
        yield view
