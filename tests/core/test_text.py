"""Durations and sizes are read as they are printed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.text import BadQuantity, duration_text, parse_duration, parse_size, short_size, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("0", 0.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        (" 7d ", 604800.0),
        ("2W", 1209600.0),
        ("0.5", 0.5),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1k", 1024),
        ("512K", 524288),
        ("2G", 2147483648),
        ("1.5 GiB", 1610612736),
        ("10 MB", 10485760),
        ("12B", 12),
        ("1T", 1024**4),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "7y", "-1s", "1e3", "nan", "inf", "1h30", "h", "٣s", "9" * 400])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadQuantity, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "G", "-1", "1X", "1 2", "٣", "1.G", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadQuantity, match="expected a size"):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**14))
def test_sizes_survive_printing(size: int) -> None:
    assert parse_size(size_text(size)) == size


@given(st.integers(min_value=0, max_value=10**8))
def test_durations_survive_printing(seconds: int) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


def test_fractions_of_a_second_are_printed() -> None:
    assert duration_text(0.5) == "0.5s"
    assert duration_text(5400) == "1h30m"


def test_tables_show_rounded_sizes() -> None:
    assert short_size(312) == "312 B"
    assert short_size(1_500_000) == "1.4 MiB"


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    with suppress(BadQuantity):
        assert parse_duration(text) >= 0
    with suppress(BadQuantity):
        assert parse_size(text) >= 0
