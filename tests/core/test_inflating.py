from __future__ import annotations

import gzip
import zlib

import pytest

from pypitool.core.inflating import Inflater

TEXT = b"what is on the page " * 1000


def inflated(packed: bytes, piece: int = 7) -> tuple[bytes, bool]:
    inflater = Inflater()
    taken = b"".join(
        inflater.take(packed[at : at + piece], len(TEXT) * 2) for at in range(0, len(packed), piece)
    )
    return taken, inflater.is_whole


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT),
        zlib.compress(TEXT),
        gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]),
        gzip.compress(TEXT) + bytes(512),
    ],
    ids=["gzip", "deflate", "two-members", "padding"],
)
def test_what_was_packed_comes_out_whole(packed: bytes) -> None:
    assert inflated(packed, len(packed)) == (TEXT, True)


def test_it_may_come_in_any_pieces() -> None:
    assert inflated(gzip.compress(TEXT)) == (TEXT, True)


@pytest.mark.parametrize("missing", [1, 8, 20])
def test_a_stream_without_its_end_is_not_whole(missing: int) -> None:
    _, is_whole = inflated(gzip.compress(TEXT)[:-missing])

    assert not is_whole


def test_nothing_is_whole() -> None:
    assert Inflater().is_whole


def test_what_is_not_packed_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be unpacked"):
        Inflater().take(b"<html>", 100)


def test_a_bomb_is_unpacked_a_little_further_than_allowed() -> None:
    assert len(Inflater().take(gzip.compress(bytes(10_000_000)), 1000)) == 1001
