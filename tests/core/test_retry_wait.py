from __future__ import annotations

from datetime import datetime, timezone

import pytest

from pypitool.core.retry_wait import parse_http_date, parse_retry_after, wait_before_retry

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu Jan  1 00:01:00 2026", 60.0),
        ("Thursday, 01-Jan-26 00:01:00 GMT", 60.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_has_two_forms(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


def test_waits_double_up_to_half_a_minute() -> None:
    assert [wait_before_retry(n, None, 120, NOW) for n in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 30.0]


def test_the_server_is_asked_again_when_it_says_so() -> None:
    assert wait_before_retry(1, "90", 120, NOW) == 90


def test_a_longer_wait_than_allowed_is_none() -> None:
    assert wait_before_retry(1, "121", 120, NOW) is None


@pytest.mark.parametrize("text", ["Thu, 01 Jan 2026 00:00:00 -0000", "Thu, 01 Jan 2026 00:00:00 GMT"])
def test_a_moment_without_a_zone_is_of_utc(text: str) -> None:
    assert parse_http_date(text) == datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "yesterday", "Thu, 01 Jan 99999999 00:00:00 GMT", "9" * 5000])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse_http_date(text) is None
