"""Failed logins, counted across workers; losing them is harmless."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.repository.activity import FORGOTTEN_AFTER, Activity
from tests.repository.conftest import Clock
from tests.support.disks import mounted_disk

HERE, THERE = "10.0.0.7", "10.0.0.8"


def fail(activity: Activity, times: int, address: str = HERE, user: str = "deploy") -> None:
    for _ in range(times):
        activity.note_failure(address, user)


def test_the_first_wrong_passwords_cost_nothing(activity: Activity) -> None:
    fail(activity, 4)

    assert activity.delay(HERE, "deploy") == 0.0


def test_more_of_them_cost_more_and_more(activity: Activity) -> None:
    delays = []

    for _ in range(14):
        fail(activity, 1)
        delays.append(activity.delay(HERE, "deploy"))

    assert delays == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_wait_passes_with_time(activity: Activity, clock: Clock) -> None:
    fail(activity, 9)

    clock.now += 10

    assert activity.delay(HERE, "deploy") == 6.0
    clock.now += 6
    assert activity.delay(HERE, "deploy") == 0.0


def test_another_user_or_address_does_not_wait(activity: Activity) -> None:
    fail(activity, 9)

    assert activity.delay(HERE, "somebody") == 0.0
    assert activity.delay(THERE, "deploy") == 0.0


def test_an_address_that_tries_many_users_waits_with_each(activity: Activity) -> None:
    for number in range(60):
        fail(activity, 1, user=f"user{number}")

    assert activity.delay(HERE, "one more") == 10.0
    assert activity.delay(THERE, "one more") == 0.0


def test_a_success_forgives_the_user_but_not_the_address(activity: Activity) -> None:
    fail(activity, 60)

    activity.note_success(HERE, "deploy")
    fail(activity, 1)

    assert activity.delay(HERE, "deploy") == 10.0


def test_failures_are_forgotten_in_the_end(activity: Activity, clock: Clock, tmp_path: Path) -> None:
    fail(activity, 20)

    clock.now += FORGOTTEN_AFTER + 1
    fail(activity, 1)

    assert activity.delay(HERE, "deploy") == 0.0
    with closing(sqlite3.connect(activity.path)) as connection:
        assert connection.execute("SELECT failures FROM failure").fetchall() == [(1,), (1,)]


def test_a_clock_that_was_set_back_does_not_lengthen_a_wait(activity: Activity, clock: Clock) -> None:
    fail(activity, 5)

    clock.now -= 3600

    assert activity.delay(HERE, "deploy") == 1.0


def test_all_workers_count_together(activity: Activity, clock: Clock) -> None:
    with closing(Activity(activity.path, clock=clock)) as other:
        fail(activity, 3)
        fail(other, 3)

        assert activity.delay(HERE, "deploy") == other.delay(HERE, "deploy") == 2.0


@pytest.mark.parametrize("user", ["", "\0", "\udcff", "x" * 10_000, "'; DROP TABLE failure"], ids=ascii)
def test_any_name_can_be_counted(activity: Activity, user: str) -> None:
    fail(activity, 6, user=user)

    assert activity.delay(HERE, user) == 2.0


def overwrite(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [overwrite, truncate, remove], ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_made_anew(tmp_path: Path, clock: Clock, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "activity.sqlite"
    with closing(Activity(path, clock=clock)) as before:
        fail(before, 9)
    damage(path)

    with closing(Activity(path, clock=clock)) as after:
        assert after.delay(HERE, "deploy") == 0.0
        fail(after, 5)
        assert after.delay(HERE, "deploy") == 1.0


def test_a_file_that_is_damaged_while_it_is_used_is_made_anew(activity: Activity) -> None:
    fail(activity, 9)
    overwrite(activity.path)
    activity.path.with_name("activity.sqlite-wal").write_bytes(b"")

    fail(activity, 5)

    assert activity.delay(HERE, "deploy") in (1.0, 60.0)


def test_a_full_disk_refuses_nobody(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(2 * 1024 * 1024))

        with closing(Activity(disk / "activity.sqlite", clock=clock)) as activity:
            fail(activity, 9)

            assert activity.delay(HERE, "deploy") == 0.0

    assert "cannot be used" in caplog.text


def test_a_guess_counts_from_its_beginning(activity: Activity) -> None:
    waits = [activity.begin_guess(HERE, "deploy") for _ in range(6)]

    assert waits == [0, 0, 0, 0, 0, 1]


def test_a_guess_that_was_right_or_not_verified_counts_no_more(activity: Activity) -> None:
    for _ in range(5):
        activity.begin_guess(HERE, "deploy")

    activity.note_success(HERE, "deploy")
    after_success = activity.begin_guess(HERE, "deploy")
    activity.drop_guess(HERE, "deploy")
    after_dropping = activity.begin_guess(HERE, "deploy")

    assert (after_success, after_dropping) == (0, 0)
    assert activity.begin_guess(HERE, "deploy") == 1


def test_a_guess_that_was_wrong_counts_once(activity: Activity) -> None:
    for _ in range(4):
        assert activity.begin_guess(HERE, "deploy") == 0
        activity.note_failure(HERE, "deploy")

    assert activity.delay(HERE, "deploy") == 0


def test_while_somebody_has_to_wait_one_guess_at_a_time_is_verified(activity: Activity, clock: Clock) -> None:
    fail(activity, 8)
    clock.now += 9

    assert [activity.begin_guess(HERE, "deploy") for _ in range(3)] == [0, 1, 1]


def test_guesses_of_a_worker_that_died_are_forgotten(activity: Activity, clock: Clock) -> None:
    for _ in range(5):
        activity.begin_guess(HERE, "deploy")
    clock.now += 61

    assert activity.begin_guess(HERE, "deploy") == 0


def test_guesses_count_across_workers(activity: Activity, clock: Clock) -> None:
    with closing(Activity(activity.path, clock=clock)) as other:
        waits = [one.begin_guess(HERE, "deploy") for one in (activity, other) * 3]

    assert waits == [0, 0, 0, 0, 0, 1]


def test_the_addresses_of_a_network_of_ipv6_count_together(activity: Activity) -> None:
    fail(activity, 5, "2001:db8::1")

    assert activity.delay("2001:db8::2", "deploy") == 1.0
    assert activity.delay("2001:db8:0:1::1", "deploy") == 0.0
