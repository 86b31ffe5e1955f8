from __future__ import annotations

import itertools

import pytest

from pypitool.core.mirror.cron import BadSchedule, check_cron
from pypitool.core.units.calendar import on_calendar
from pypitool.mirror.schedule import Timing

RIGHT = [
    "30 3 * * *",
    "*/15 0-6,22-23 * * *",
    "5/10 */2 1,15 jan-mar,JUL *",
    "0 0 1-28/7 1-12/3 *",
    "0 6 * * mon-fri,Sun",
]
WRONG = [
    ("", "write five fields: minute hour day month weekday"),
    ("@daily", "write five fields: minute hour day month weekday"),
    ("30 3 * *", "write five fields: minute hour day month weekday"),
    ("30 3 * * * *", "write five fields: minute hour day month weekday"),
    ("60 3 * * *", "`60` is no minute"),
    ("30 24 * * *", "`24` is no hour"),
    ("30 3 0 * *", "`0` is no day"),
    ("30 3 last * *", "`last` is no day"),
    ("30 3 * 13 *", "`13` is no month"),
    ("30 3 * mai *", "`mai` is no month"),
    ("30 3 * jan-jun/2 *", "`jan-jun/2` is no month"),
    ("30 3 * dec-jan *", "`dec-jan` is no month"),
    ("30 3-1 * * *", "`3-1` is no hour"),
    ("*/60 3 * * *", "`*/60` is no minute"),
    ("*/0 3 * * *", "`*/0` is no minute"),
    ("1-5/9 3 * * *", "`1-5/9` is no minute"),
    ("30/ 3 * * *", "`30/` is no minute"),
    ("-5 3 * * *", "`-5` is no minute"),
    ("*-5 3 * * *", "`*-5` is no minute"),
    ("30, 3 * * *", "`` is no minute"),
    ("٣ 3 * * *", "`٣` is no minute"),
    ("0 6 * * 0", "write the days of the week by name (mon, tue), not by number"),
    ("0 6 * * 1-5", "write the days of the week by name (mon, tue), not by number"),
    ("0 6 * * */2", "write the days of the week by name (mon, tue), not by number"),
    ("0 6 * * sun-thu", "`sun-thu` is no day of the week"),
    ("0 6 * * someday", "`someday` is no day of the week"),
]


@pytest.mark.parametrize("cron", RIGHT)
def test_a_line_that_is_right_is_one_for_every_scheduler(cron: str) -> None:
    check_cron(cron)

    assert Timing(cron, "UTC").trigger() is not None
    assert on_calendar(cron).endswith(":00")


@pytest.mark.parametrize(("cron", "reason"), WRONG)
def test_a_line_that_is_wrong_is_refused_with_its_part(cron: str, reason: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        check_cron(cron)

    assert str(refused.value) == f"`{cron}` is not a schedule: {reason}"


def test_what_passes_the_check_passes_the_scheduler_too() -> None:
    parts = ["*", "*/2", "3", "03", "1-3", "1-9/2", "2/3", "jan", "feb-mar", "mon", "tue-thu", "1,2"]
    lines = [" ".join(words) for words in itertools.product(["7"], parts[:7], parts, parts, parts)]
    passing = [line for line in lines if _passes(line)]

    assert len(passing) > 100
    for line in passing:
        Timing(line, "UTC").trigger()


def _passes(line: str) -> bool:
    try:
        check_cron(line)
    except BadSchedule:
        return False
    return True
