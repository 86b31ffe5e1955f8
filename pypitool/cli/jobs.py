"""Carry out a job of the schedule: its command line, as if somebody had typed it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

from pypitool.cli.failure import Failure, describe, report
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.errors import PypitoolError

if TYPE_CHECKING:
    from pypitool.config.mirror_settings import JobSettings
    from pypitool.config.settings import Settings
    from pypitool.mirror.record import Run
    from pypitool.mirror.schedule import Timing


def timing_of(job: JobSettings) -> Timing:
    """Return when a job is due."""
    from pypitool.mirror.schedule import Timing

    return Timing(job.cron, job.timezone, timedelta(seconds=job.jitter), timedelta(seconds=job.catch_up))


def find_job(settings: Settings, name: str) -> JobSettings:
    """Return a job by its name."""
    from pypitool.mirror.configured import UnknownName

    by_name = {job.name: job for job in settings.jobs}
    if name not in by_name:
        raise UnknownName("job", name, sorted(by_name))
    return by_name[name]


def run_job(invocation: Invocation, job: JobSettings, stop: threading.Event | None = None) -> int:
    """Run a job now, and return the exit code of its command."""
    from pypitool.cli.root import root

    own = replace(invocation, job=job.name, stop=stop, flags={}, notices=[])
    began = datetime.now(timezone.utc)
    try:
        code = root.main(list(job.run), prog_name="pypitool", standalone_mode=False, obj=own)
        return code if isinstance(code, int) else 0
    except (PypitoolError, click.ClickException, OSError) as error:
        # What is wrong with one job must not end the daemon, nor stay unsaid.
        failure = describe(error)
        report(failure, invocation)
        _tell(invocation, job, failure, began)
        return failure.exit_code


def last_run(settings: Settings, name: str) -> Run | None:
    """Return the last run of a job, without opening anything that is not there."""
    from pypitool.mirror.record import RECORD_FILE, MirrorRecord
    from pypitool.repository.state import choose_state

    state = choose_state(settings.server.packages, settings.server.state)
    return MirrorRecord(state / RECORD_FILE, scratch=True).last_run_of(name)


def _tell(invocation: Invocation, job: JobSettings, failure: Failure, began: datetime) -> None:
    """Notify of a job that could not even begin: no run has told anybody."""
    from pypitool.core.mirror.run_summary import RunOutcome, Summary
    from pypitool.mirror.configured import recipients
    from pypitool.mirror.notify import notify

    seconds = (datetime.now(timezone.utc) - began).total_seconds()
    summary = Summary(job.run[0], failure.exit_code, RunOutcome.FAILED, seconds=seconds)
    for fault in notify(recipients(invocation.load().settings), summary, job.name):
        Output(invocation).warning(fault)
