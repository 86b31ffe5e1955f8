"""`pypitool daemon`: run the jobs of the configuration when they are due, until told to stop."""

from __future__ import annotations

import os
import queue
import shlex
import signal
import threading
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.commands.schedule import last_run, run_job
from pypitool.cli.invocation import Invocation
from pypitool.cli.job_units import timing_of
from pypitool.cli.main import describe, report
from pypitool.cli.mirror_run import on_signals
from pypitool.cli.output import Output
from pypitool.core.guard import Guard
from pypitool.host import Notifier

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.mirror.schedule import DueJob, Scheduler


@command(
    "daemon",
    examples=("pypitool daemon", "pypitool daemon --config /etc/pypitool/config.toml"),
)
@option("--until-eof", is_flag=True, help="End when standard input ends, as a supervisor's child does.")
@click.pass_obj
def daemon_command(invocation: Invocation, until_eof: bool) -> int:
    """Run the jobs of the configuration when they are due.

    A run that was missed while the machine was off is caught up at the start. SIGHUP reads the configuration
    again; SIGTERM lets the file in hand arrive, and ends. A timer of systemd does the same without a process
    of its own, see `pypitool schedule --systemd`.
    """
    from pypitool.mirror.schedule import Scheduler

    settings = invocation.load().settings
    orders: queue.SimpleQueue[int] = queue.SimpleQueue()
    stop, scheduler, systemd = threading.Event(), Scheduler(), Notifier(invocation.environ)
    if until_eof:
        threading.Thread(target=_wait_for_end, args=(orders,), daemon=True).start()
    with on_signals(orders.put, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        now = datetime.now(timezone.utc)
        scheduler.start(_due(invocation, settings, stop), _missed(settings, now), now)
        _announce(invocation, settings)
        systemd.ready(f"{len(settings.jobs)} jobs")
        while orders.get() == signal.SIGHUP:
            systemd.reloading()
            _reload(invocation, scheduler, stop)
            systemd.ready("the configuration was read again")
        systemd.stopping()
        stop.set()
        scheduler.stop()
    return 0


def _wait_for_end(orders: queue.SimpleQueue[int]) -> None:
    while os.read(0, 4096):
        pass
    orders.put(signal.SIGTERM)


def _due(invocation: Invocation, settings: Settings, stop: threading.Event) -> list[DueJob]:
    from pypitool.mirror.schedule import DueJob

    return [
        DueJob(job.name, timing_of(job), partial(run_job, invocation, job, stop)) for job in settings.jobs
    ]


def _missed(settings: Settings, now: datetime) -> list[str]:
    missed = []
    for job in settings.jobs:
        last = last_run(settings, job.name)
        started = datetime.fromisoformat(last.started.replace("Z", "+00:00")) if last is not None else None
        if timing_of(job).was_missed(started, now):
            missed.append(job.name)
    return missed


def _reload(invocation: Invocation, scheduler: Scheduler, stop: threading.Event) -> None:
    def take() -> None:
        settings = invocation.load().settings
        scheduler.replace(_due(invocation, settings, stop), [], datetime.now(timezone.utc))
        _announce(invocation, settings)

    # What runs goes on with what was read before: a typing error must not end the nights.
    Guard.turn(take, lambda error: report(describe(error), invocation))


def _announce(invocation: Invocation, settings: Settings) -> None:
    now, output = datetime.now(timezone.utc), Output(invocation)
    if not settings.jobs:
        output.warning(
            "there are no jobs: nothing runs until [job.NAME] tables are written and SIGHUP has them read"
        )
    for job in settings.jobs:
        following = timing_of(job).next_due(now)
        when = following.strftime("%Y-%m-%dT%H:%M:%SZ") if following is not None else "never"
        output.line(f"{job.name}: `{shlex.join(job.run)}` runs next at {when}")
