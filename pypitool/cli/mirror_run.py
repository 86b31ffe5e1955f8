"""A run of the mirror for a command: signals that stop it, who is told how it ended, and its exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.pip_index import hint_of_another_index, hinting
from pypitool.cli.run_output import RunOutput
from pypitool.core.errors import EXIT_CODES, Kind
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.run_events import Event, FileEvent
from pypitool.core.mirror.run_summary import Summary
from pypitool.core.progress import TransferProgress

if TYPE_CHECKING:
    from pathlib import Path

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Summary
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.notify import Recipients
    from pypitool.mirror.run import RunFrame, Work
    from pypitool.mirror.workspace import Workspace
    from pypitool.upstream.upstream import Upstream


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
    output, told = RunOutput(invocation), list[Event]()
    with ExitStack() as signals:
        if invocation.stop is None:
            signals.enter_context(stop_on_signals(stop))
        with hinting(upstreams, invocation.environ), transfer_progress(invocation) as view:
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
            summary = run(frame, work, partial(_tell, output, view, told))
        _conclude(output, frame, summary, told)
        # A job that only looks (`update`) was asked to tell what it sees.
        if recipients is not None and (job is not None or not dry_run):
            _notify(invocation, recipients, summary, told, stop)
    return summary.exit_code


def _conclude(output: RunOutput, frame: RunFrame, summary: Summary, told: list[Event]) -> None:
    """Print what a run came to, and what can be done next."""
    # Who wrote a job knows what it does.
    offers = frame.command == "update" and frame.dry_run and frame.job is None
    output.ended(summary, told, directory=_directory(frame), offers=offers)
    if summary.exit_code == EXIT_CODES[Kind.UNAVAILABLE]:
        invocation = output.invocation
        Output(invocation).hint(hint_of_another_index(frame.upstreams, invocation.environ))


def _directory(frame: RunFrame) -> str | None:
    # `update` puts files beside those that they replace, and a bundle is unpacked by who knows where to.
    return str(frame.workspace.roots[0]) if frame.command in ("download", "sync") else None


def _tell(output: RunOutput, view: TransferProgress, told: list[Event], event: Event) -> None:
    told.append(event)
    is_seen = view.is_live and not output.invocation.verbose
    if is_seen and isinstance(event, FileEvent) and event.outcome == "fetched":
        return
    with view.aside():
        output.event(event)


def _notify(
    invocation: Invocation,
    recipients: Recipients,
    summary: Summary,
    told: list[Event],
    stop: threading.Event,
) -> None:
    from pypitool.core.mirror.run_trouble import RunTrouble
    from pypitool.mirror.notify import notify

    for fault in notify(recipients, summary, invocation.job, RunTrouble.of(told), stop):
        Output(invocation).warning(fault)


def workspace_of(settings: Settings, directory: Path | None = None) -> Workspace:
    """Return where a run works: the configured directories with their state, or another directory."""
    from pypitool.mirror.workspace import Workspace

    server = settings.server
    if directory is not None:
        return Workspace((directory.expanduser().absolute(),), reserve_deleted=server.reserve_deleted)
    return Workspace(server.packages, server.state, server.reserve_deleted)


def tell_input_warnings(invocation: Invocation, inputs: Inputs) -> None:
    """Say what of the requirements is passed over."""
    for warning in inputs.warnings:
        Output(invocation).warning(warning)


class _Details(TransferProgress):
    """Says with `-v` what a terminal shows anyway."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def delayed(self, text: str) -> None:
        if not self._invocation.json:
            Output(self._invocation).detail(text)


@contextmanager
def transfer_progress(invocation: Invocation) -> Iterator[TransferProgress]:
    """Show files on their way while the block runs, if somebody watches."""
    if not invocation.shows_progress():
        yield _Details(invocation)
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
def interruptible(invocation: Invocation) -> Iterator[None]:
    """Let SIGTERM end what comes before a run as Ctrl-C does; a daemon's jobs are told otherwise."""

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    with on_signals(interrupt, *([signal.SIGTERM] if invocation.stop is None else [])):
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
