"""JSON of others is read, or a ValueError."""

from __future__ import annotations

import pytest

from pypitool.core.json_text import parse_json


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (b'"\\\\ud83d"', "\\ud83d"),
    ],
    ids=["object", "mark", "pair", "plain", "no escape"],
)
def test_a_document_is_read(body: bytes, document: object) -> None:
    assert parse_json(body) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 5000,
        b"\xff",
        '{"a": 1}'.encode("utf-16"),
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\uDC00": 1}',
        b'["\\ud83d\\ude00", "\\uD83D"]',
    ],
    ids=[
        "nothing", "cut", "lists", "objects", "long number", "no UTF-8", "UTF-16", "half in bytes",
        "half", "half in a key", "half after a pair",
    ],
)  # fmt: skip
def test_what_is_no_document_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(body)
