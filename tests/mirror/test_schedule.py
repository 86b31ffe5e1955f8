from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from pypitool.core.mirror.cron import BadSchedule
from pypitool.mirror.schedule import DueJob, Scheduler, Timing
from tests.support.waiting import LONGEST

NOW = datetime(2026, 6, 3, 12, 0, tzinfo=timezone.utc)  # a Wednesday
NIGHTLY = Timing("30 3 * * *", "UTC")


def utc(day: int, hour: int, minute: int, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=timezone.utc)


def test_a_nightly_job_is_due_every_night() -> None:
    assert NIGHTLY.next_due(NOW) == utc(4, 3, 30)
    assert NIGHTLY.last_due(NOW) == utc(3, 3, 30)


def test_days_of_the_week_are_named() -> None:
    assert Timing("0 6 * * sun", "UTC").next_due(NOW) == utc(7, 6, 0)
    assert Timing("0 6 * * mon-fri", "UTC").next_due(NOW) == utc(4, 6, 0)


@pytest.mark.parametrize("cron", ["0 6 * * 0", "0 6 * * 7", "0 6 * * 1-5", "0 6 * * mon,3"])
def test_days_of_the_week_by_number_are_refused(cron: str) -> None:
    with pytest.raises(BadSchedule, match="by name"):
        Timing(cron, "UTC").trigger()


@pytest.mark.parametrize("cron", ["", "nightly", "30 3 * *", "61 3 * * *", "30 3 * * someday", "@daily"])
def test_what_is_no_cron_line_is_refused_with_the_line(cron: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Timing(cron, "UTC").trigger()

    assert f"`{cron}`" in str(caught.value)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(BadSchedule, match="Mars"):
        Timing("30 3 * * *", "Mars/Olympus").trigger()


def test_a_night_without_the_hour_still_has_its_run() -> None:
    paris = Timing("30 2 * * *", "Europe/Paris")
    spring = datetime(2027, 3, 27, 12, tzinfo=ZoneInfo("Europe/Paris"))

    assert paris.next_due(spring) == datetime(2027, 3, 28, 1, 30, tzinfo=timezone.utc)


def test_a_night_with_the_hour_twice_ends_the_search() -> None:
    paris = Timing("30 2 * * *", "Europe/Paris")

    assert paris.last_due(datetime(2026, 10, 25, 12, tzinfo=timezone.utc)) == utc(25, 1, 30, month=10)


@pytest.mark.parametrize(
    ("last_started", "missed"),
    [(None, True), (utc(3, 3, 29), True), (utc(3, 3, 30), False), (utc(3, 9, 0), False)],
)
def test_a_run_that_was_due_and_not_started_was_missed(last_started: datetime | None, missed: bool) -> None:
    assert NIGHTLY.was_missed(last_started, NOW) is missed


def test_a_due_time_before_the_catching_up_is_forgotten() -> None:
    timing = Timing("30 3 * * *", "UTC", catch_up=timedelta(hours=1))

    assert not timing.was_missed(None, NOW)


def test_without_catching_up_nothing_was_missed() -> None:
    assert not Timing("* * * * *", "UTC", catch_up=timedelta()).was_missed(None, NOW)


def test_a_missed_job_runs_at_the_start_and_the_others_wait() -> None:
    ran: list[str] = []
    done = threading.Event()

    def missed() -> None:
        ran.append("missed")
        done.set()

    jobs = [DueJob("missed", NIGHTLY, missed), DueJob("other", NIGHTLY, lambda: ran.append("other"))]
    scheduler = Scheduler()
    scheduler.start(jobs, ["missed"], datetime.now(timezone.utc))

    assert done.wait(LONGEST)
    scheduler.stop()
    assert ran == ["missed"]


def test_stopping_waits_for_the_job_that_runs() -> None:
    started, ended = threading.Event(), threading.Event()

    def act() -> None:
        started.set()
        stop_asked.wait(LONGEST)
        ended.set()

    stop_asked = threading.Event()
    scheduler = Scheduler()
    scheduler.start([DueJob("job", NIGHTLY, act)], ["job"], datetime.now(timezone.utc))
    assert started.wait(LONGEST)
    threading.Timer(0.1, stop_asked.set).start()

    scheduler.stop()

    assert ended.is_set()


def test_replaced_jobs_no_longer_run() -> None:
    ran: list[str] = []
    done = threading.Event()
    scheduler = Scheduler()
    scheduler.start([DueJob("old", NIGHTLY, lambda: ran.append("old"))], [], datetime.now(timezone.utc))

    scheduler.replace([DueJob("new", NIGHTLY, done.set)], ["new"], datetime.now(timezone.utc))

    assert done.wait(LONGEST)
    scheduler.stop()
    assert ran == []
