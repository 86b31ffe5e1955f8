"""Conditional and partial requests."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.index.http import (
    Range,
    Unsatisfiable,
    if_modified_since,
    if_none_match,
    if_range,
    parse_range,
)

ETAG = '"abc"'
DATE = formatdate(1_000_000_000, usegmt=True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x","abc" , "y"', True),
        ("*", True),
        (" * ", True),
        ('"abcd"', False),
        ("abc", False),
        ('"', False),
        ('"a,b", "c"', False),
    ],
)
def test_a_known_tag_is_not_modified(header: str | None, expected: bool) -> None:
    assert if_none_match(header, ETAG) is expected


def test_a_weak_tag_of_ours_is_compared_weakly() -> None:
    assert if_none_match('"abc"', 'W/"abc"')


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        (DATE, True),
        (formatdate(1_000_000_001, usegmt=True), True),
        (formatdate(999_999_999, usegmt=True), False),
        ("Sun Sep  9 01:46:40 2001", True),
        ("yesterday", False),
        ("", False),
        ("Sun, 99 Sep 99999 01:46:40 GMT", False),
        ("x" * 100_000, False),
    ],
)
def test_a_date_is_compared_by_the_second(header: str | None, expected: bool) -> None:
    assert if_modified_since(header, 1_000_000_000.7) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, True),
        (ETAG, True),
        (f" {ETAG} ", True),
        ('W/"abc"', False),
        ('"abcd"', False),
        (DATE, True),
        (formatdate(1_000_000_001, usegmt=True), False),
        ("garbage", False),
        ("", False),
    ],
)
def test_a_range_counts_only_for_the_same_body(header: str | None, expected: bool) -> None:
    assert if_range(header, ETAG, DATE) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=3-", (3, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=2-99", (2, 10)),
        ("bytes=9-9", (9, 10)),
        (" Bytes = 2 - 3 ", (2, 4)),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=1", None),
        ("lines=0-1", None),
        ("bytes=--1", None),
        ("bytes=٣-", None),
        ("bytes=0-" + "9" * 100_000, None),
        ("garbage", None),
    ],
)
def test_a_single_range_is_a_part_and_anything_else_the_whole(
    header: str | None, expected: tuple[int, int] | None
) -> None:
    assert parse_range(header, 10) == (Range(*expected, 10) if expected else None)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=9999999999-"])
def test_a_range_behind_the_end_cannot_be_had(header: str) -> None:
    assert parse_range(header, 10) == Unsatisfiable(10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_an_empty_body_has_no_parts(header: str) -> None:
    assert parse_range(header, 0) == Unsatisfiable(0)


def test_the_headers_of_206_and_416_are_written_here() -> None:
    assert Range(2, 5, 10).content_range == "bytes 2-4/10"
    assert Range(2, 5, 10).length == 3
    assert Unsatisfiable(10).content_range == "bytes */10"


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(0, 100))
def test_any_range_lies_inside_the_body(header: str, size: int) -> None:
    found = parse_range(header, size)

    if isinstance(found, Range):
        assert 0 <= found.start < found.stop <= size


@given(st.text(max_size=40))
def test_any_header_has_an_answer(header: str) -> None:
    assert if_none_match(header, ETAG) in (True, False)
    assert if_modified_since(header, 0) in (True, False)
    assert if_range(header, ETAG, DATE) in (True, False)
