"""When jobs are due: cron lines read by APScheduler, with the traps of its version 3 closed.

APScheduler takes 90 ms to import, so it is imported where a time is asked for and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from pypitool.core.mirror.cron import BadSchedule, check_cron


@dataclass(frozen=True, slots=True)
class Timing:
    """When a job is due."""

    cron: str
    timezone: str | None = None  # default: the machine's
    jitter: timedelta = timedelta()
    catch_up: timedelta = timedelta(hours=24)

    def trigger(self) -> Any:
        """Return APScheduler's trigger, or raise `BadSchedule`."""
        from apscheduler.triggers.cron import CronTrigger
        from apscheduler.util import astimezone

        check_cron(self.cron)
        try:
            zone = astimezone(self.timezone)
            return CronTrigger.from_crontab(self.cron, timezone=zone)
        except (ValueError, KeyError, LookupError) as error:
            raise BadSchedule(self.cron, str(error).strip("'")) from error

    def next_due(self, now: datetime) -> datetime | None:
        """Return the first time after `now` that the job is due, in UTC, before any jitter."""
        moment: datetime | None = self.trigger().get_next_fire_time(None, now)
        # In UTC: local times stand still in the hour that a change of the clock repeats, and equal nothing.
        return moment.astimezone(timezone.utc) if moment is not None else None

    def last_due(self, now: datetime) -> datetime | None:
        """Return the last time not after `now`, as far back as catching up reaches."""
        last, moment = None, self.next_due(now - self.catch_up)
        while moment is not None and moment <= now:
            last = moment
            moment = self.next_due(moment + timedelta(microseconds=1))
        return last

    def was_missed(self, last_started: datetime | None, now: datetime) -> bool:
        """Tell whether the last due run has not been started; a job that never ran counts as missed."""
        due = self.last_due(now) if self.catch_up else None
        return due is not None and (last_started is None or last_started < due)


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job of the scheduler: a name, a time, and what to do."""

    name: str
    timing: Timing
    act: Callable[[], object]


class Scheduler:
    """Runs jobs when they are due; one at a time each, and late rather than never."""

    def __init__(self) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        self._scheduler = BackgroundScheduler()

    def start(self, jobs: Sequence[DueJob], catch_up: Sequence[str], now: datetime) -> None:
        """Start, with the jobs of these names due at once."""
        self._scheduler.start()
        self.replace(jobs, catch_up, now)

    def replace(self, jobs: Sequence[DueJob], catch_up: Sequence[str], now: datetime) -> None:
        """Take other jobs from now on; what runs goes on to its end."""
        self._scheduler.remove_all_jobs()
        for job in jobs:
            self._add(job, now if job.name in catch_up else None)

    def stop(self) -> None:
        """Start nothing more, and wait for what runs."""
        self._scheduler.shutdown(wait=True)

    def _add(self, job: DueJob, at_once: datetime | None) -> None:
        trigger = job.timing.trigger()
        trigger.jitter = int(job.timing.jitter.total_seconds()) or None
        first = {"next_run_time": at_once} if at_once is not None else {}
        # APScheduler forgives a delay of one second and then skips the night: here every delay is forgiven.
        self._scheduler.add_job(
            job.act, trigger, id=job.name, name=job.name, misfire_grace_time=None, coalesce=True,
            max_instances=1, **first,
        )  # fmt: skip
