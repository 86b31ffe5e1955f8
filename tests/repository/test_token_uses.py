"""When tokens were used last, and what may be used only once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.repository.activity import Activity, LastUses, NotRemembered
from tests.repository.conftest import Clock
from tests.support.waiting import wait_until


class Written:
    """Counts what is written where."""

    def __init__(self) -> None:
        self.batches: list[dict[str, int]] = []

    def note_uses(self, minutes: Mapping[str, int]) -> None:
        self.batches.append(dict(minutes))


def test_the_last_minute_of_a_token_is_remembered(activity: Activity) -> None:
    activity.note_uses({"a": 999_998, "b": 999_999})
    activity.note_uses({"a": 1_000_000, "b": 999_990})

    assert activity.last_uses() == {"a": 1_000_000, "b": 999_999}


def test_tokens_that_rest_for_a_year_are_forgotten(activity: Activity, clock: Clock) -> None:
    activity.note_uses({"a": 1_000_000})
    clock.now += 500 * 24 * 3600

    activity.note_uses({"b": int(clock.now) // 60})

    assert list(activity.last_uses()) == ["b"]


def test_a_use_is_written_behind_the_request(activity: Activity, clock: Clock) -> None:
    with closing(LastUses(activity, clock=clock, gathered=0)) as uses:
        uses.note("a")

        wait_until(lambda: activity.last_uses() == {"a": 1_000_000}, what="the use is written")


def test_a_token_is_written_once_a_minute_and_not_more(clock: Clock) -> None:
    written = Written()
    with closing(LastUses(written, clock=clock)) as uses:
        for second in range(180):
            clock.now = 60_000_000.0 + second
            uses.note("a")
            uses.flush()

    batches = [batch for batch in written.batches if batch]
    assert batches == [{"a": 1_000_000}, {"a": 1_000_001}, {"a": 1_000_002}]


def test_what_was_not_written_is_written_at_the_end(clock: Clock) -> None:
    written, before = Written(), set(threading.enumerate())
    uses = LastUses(written, clock=clock, gathered=60)
    uses.note("a")

    uses.close()

    assert written.batches == [{"a": 1_000_000}]
    # Threads that end and those of applications that other tests left open are nobody's concern here.
    assert not [new for new in set(threading.enumerate()) - before if new.name == "token uses"]


def test_many_tokens_take_no_more_memory_than_a_few_thousand(clock: Clock) -> None:
    written = Written()
    with closing(LastUses(written, clock=clock)) as uses:
        for number in range(10_000):
            uses.note(f"{number}")

        assert uses._noted.cache_info().currsize <= 4096

    assert sum(map(len, written.batches)) == 10_000


def test_a_name_is_taken_once_until_its_moment(activity: Activity, clock: Clock) -> None:
    taken = [activity.take("a", clock.now + 60), activity.take("a", clock.now + 60), activity.take("b", 0)]
    clock.now += 61

    assert taken == [True, False, True]
    assert activity.take("a", clock.now + 60)


def test_what_cannot_be_remembered_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "activity.sqlite"
    path.mkdir()

    with closing(Activity(path)) as activity, pytest.raises(NotRemembered, match="nothing can be remembered"):
        activity.take("a", 1e12)
