"""A run of the mirror for a command: what it prints, signals that stop it, who is told, and its exit code."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.event_document import document
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.run_events import (
    DifferenceEvent,
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    UpdateEvent,
    WarningEvent,
    WrittenEvent,
)
from pypitool.core.mirror.run_summary import Summary
from pypitool.core.progress import TransferProgress
from pypitool.core.text import short_size

if TYPE_CHECKING:
    from pathlib import Path

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Summary
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.notify import Recipients
    from pypitool.mirror.run import Work
    from pypitool.mirror.workspace import Workspace
    from pypitool.upstream.upstream import Upstream

# What is missing in these is mended by another pin, or by uv.
_MENDABLE = ("download", "sync")


def run_for(
    invocation: Invocation,
    command: str,
    workspace: Workspace,
    work: Work,
    *,
    arguments: Sequence[str] = (),
    upstreams: Sequence[Upstream] = (),
    private: tuple[str, ...] = (),
    dry_run: bool = False,
    only_notes: bool = False,
    recipients: Recipients | None = None,
    largest_file: int = FILE_BYTES.most,
) -> int:
    """Run, print and notify; return the exit code."""
    from pypitool.mirror.run import RunFrame, run

    stop, job = invocation.stop or threading.Event(), invocation.job
    output, missing, told = RunOutput(invocation), set[str](), list[Event]()
    with ExitStack() as stack:
        if invocation.stop is None:
            stack.enter_context(stop_on_signals(stop))
        view = stack.enter_context(transfer_progress(invocation))
        frame = RunFrame(
            command=command,
            described=" ".join((command, *arguments)),
            workspace=workspace,
            upstreams=upstreams,
            private=private,
            dry_run=dry_run,
            job=job,
            stop=stop,
            finishes_files=invocation.stop is not None,
            progress=view,
            only_notes=only_notes,
            largest_file=largest_file,
        )
        summary = run(frame, work, partial(_tell, output, view, missing, told))
    output.summary(summary)
    if missing and command in _MENDABLE:
        _hint(invocation, missing)
    # A job that only looks (`update`) was asked to tell what it sees.
    if recipients is not None and (job is not None or not dry_run):
        _notify(invocation, recipients, summary, job, told)
    return summary.exit_code


def _hint(invocation: Invocation, missing: set[str]) -> None:
    names = ", ".join(f"`{name}`" for name in sorted(missing))
    Output(invocation).done(f"hint: pin {names}, or let uv add what is missing with --resolve")


def _tell(
    output: RunOutput, view: TransferProgress, missing: set[str], told: list[Event], event: Event
) -> None:
    told.append(event)
    if isinstance(event, HoleEvent) and event.unpinned is not None:
        missing.add(event.unpinned)
    if view.is_live and isinstance(event, FileEvent) and event.outcome == "fetched":
        return
    with view.aside():
        output.event(event)


def _notify(
    invocation: Invocation, recipients: Recipients, summary: Summary, job: str | None, told: list[Event]
) -> None:
    from pypitool.core.mirror.run_trouble import RunTrouble
    from pypitool.mirror.notify import notify

    for fault in notify(recipients, summary, job, RunTrouble.of(told)):
        Output(invocation).warning(fault)


def workspace_of(settings: Settings, directory: Path | None = None) -> Workspace:
    """Return where a run works: the configured directories with their state, or another directory."""
    from pypitool.mirror.workspace import Workspace

    if directory is not None:
        return Workspace((directory.expanduser().absolute(),))
    return Workspace(settings.server.packages, settings.server.state)


def tell_input_warnings(invocation: Invocation, inputs: Inputs) -> None:
    """Say what of the requirements is passed over."""
    for warning in inputs.warnings:
        Output(invocation).warning(warning)


@contextmanager
def transfer_progress(invocation: Invocation) -> Iterator[TransferProgress]:
    """Show files on their way while the block runs, if somebody watches."""
    if not invocation.shows_progress():
        yield TransferProgress()
        return
    from pypitool.cli.terminal import TransferBars

    with TransferBars() as bars:
        yield bars


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Turn signals into `stop` while the block runs."""

    def ask(number: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with on_signals(ask, signal.SIGINT, signal.SIGTERM):
        yield


@contextmanager
def on_signals(take: Callable[[int], None], *numbers: signal.Signals) -> Iterator[None]:
    """Call `take` with each of these signals that arrives while the block runs."""

    def arrived(number: int, frame: FrameType | None) -> None:
        take(number)

    before = {number: signal.signal(number, arrived) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Writes the events of a run: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: Event) -> None:
        """Write one event, if anybody wants to see it."""
        if self.invocation.json:
            click.echo(json.dumps(document(event)))
        elif isinstance(event, (HoleEvent, DifferenceEvent)):
            self._out.line(str(event))
        elif isinstance(event, PlanEvent):
            self._plan(event)
        elif isinstance(event, FileEvent):
            self._file(event)
        elif isinstance(event, ProjectEvent):
            self._out.log("error", event.message)
        elif isinstance(event, WarningEvent):
            self._out.warning(event.message)
        elif isinstance(event, UpdateEvent):
            self._update(event)
        elif isinstance(event, WrittenEvent):
            self._out.done(f"rewrote {event.file}: {', '.join(event.projects)}")

    def summary(self, summary: Summary) -> None:
        """Write how the run ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
            return
        if not self.invocation.quiet:
            for line in (line for one in summary.sets for line in one.lines()):
                self._out.line(line)
        if summary.command == "verify" or (summary.command == "update" and summary.run is None):
            # Their lines are the result; a count after them would only be in the way of who reads them.
            self._out.done(summary_line(summary))
        elif not self.invocation.quiet:
            self._out.line(summary_line(summary))

    @property
    def _out(self) -> Output:
        return Output(self.invocation)

    def _plan(self, event: PlanEvent) -> None:
        if not self.invocation.quiet:
            size = f"  {short_size(event.bytes)}" if event.bytes is not None else ""
            targets = f"  ({', '.join(event.targets)})" if event.targets else ""
            self._out.line(f"{event.action} {event.name}{size}{targets}")

    def _file(self, event: FileEvent) -> None:
        if event.message is not None:
            names_it = event.message.startswith(event.name)
            self._out.log("error", event.message if names_it else f"{event.name}: {event.message}")
        elif event.outcome in ("fetched", "deleted"):
            self._out.done(f"{event.outcome} {event.name} ({short_size(event.bytes)})")
        else:
            self._out.detail(f"kept {event.name}")

    def _update(self, event: UpdateEvent) -> None:
        if self.invocation.quiet:
            return
        lines = list(event.lines())
        # People want to know the age; programs read the bare line.
        if event.new is not None and event.uploaded and (self.invocation.verbose or sys.stdout.isatty()):
            lines[0] += f"  ({_age(event.uploaded)})"
        for line in lines:
            self._out.line(line)
        if not lines:
            self._out.detail(f"{event.project} {event.have} is the newest")


def summary_line(summary: Summary) -> str:
    """Say how a run ended in one line."""
    amount = f", {short_size(summary.tally.bytes)}" if summary.tally.bytes else ""
    return f"{summary.command}: {', '.join(_counts(summary))}{amount} in {summary.seconds:.1f} s"


def _counts(summary: Summary) -> list[str]:
    tally = summary.tally
    failed = f"{tally.failed} failed"
    if summary.plans:
        return [
            _planned(summary),
            failed,
            *([f"{tally.holes} missing"] if summary.command != "prune" else []),
        ]
    if summary.command == "verify":
        return [f"{tally.files} files", f"{tally.differences} differ", failed]
    if summary.command == "check":
        return [f"{tally.holes} missing"]
    if summary.command == "prune":
        return [f"{tally.deleted} deleted", failed]
    offered = [f"{tally.offered} offered"] if summary.command == "update" else []
    if offered and summary.run is None:
        return [*offered, failed]
    return [*offered, f"{tally.fetched} fetched", f"{tally.kept} kept", failed, f"{tally.holes} missing"]


def _planned(summary: Summary) -> str:
    tally = summary.tally
    would = "would be deleted with --execute" if summary.command == "prune" else "would be fetched"
    sizes = [short_size(tally.planned_bytes)] if tally.planned_bytes else []
    if tally.planned_unsized:
        sizes.append(f"the size of {tally.planned_unsized} is unknown")
    files = f"{tally.planned} file{'s' * (tally.planned != 1)}"
    return " ".join((files, would, *([f"({'; '.join(sizes)})"] if sizes else [])))


def _age(uploaded: str) -> str:
    moment = datetime.fromisoformat(uploaded.replace("Z", "+00:00"))
    days = (datetime.now(timezone.utc) - moment).days
    return "of today" if days < 1 else f"{days} day{'s' * (days != 1)} old"
