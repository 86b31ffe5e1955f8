"""Shares of the threads: the pages always have theirs, and no address has all of a share."""

from __future__ import annotations

import pytest

from pypitool.core.thread_shares import (
    LEAST_THREADS,
    PAGES_SIXTEENTHS,
    SIXTEENTHS,
    Work,
    counted_as,
    divided,
    has_room,
)


def test_the_shares_are_the_whole() -> None:
    assert sum(SIXTEENTHS.values()) + PAGES_SIXTEENTHS == 16


def test_512_threads_are_divided() -> None:
    assert divided(512) == {
        Work.SENDING: 192,
        Work.RECEIVING: 64,
        Work.SMALL: 32,
        Work.PASSWORDS: 32,
        Work.UPSTREAMS: 128,
    }


@pytest.mark.parametrize("threads", [*range(LEAST_THREADS, 80), 512, 4095, 4096])
def test_everything_has_a_thread_and_the_pages_theirs(threads: int) -> None:
    places = divided(threads)

    assert min(places.values()) >= 1
    assert places[Work.SENDING] >= 2
    assert threads - sum(places.values()) >= max(1, threads // 8)


@pytest.mark.parametrize(
    ("places", "taken", "held", "room"),
    [
        (64, 47, 47, True),
        (64, 48, 48, False),
        (64, 48, 8, True),
        (64, 48, 9, False),
        (64, 63, 0, True),
        (64, 64, 0, False),
        (2, 1, 1, False),
        (2, 1, 0, True),
        (1, 0, 0, True),
        (1, 1, 0, False),
    ],
    ids=["three quarters alone", "no more alone", "beside it", "beside it no more than an eighth", "the last",
         "full", "of two one alone", "of two the other", "the only one", "no more than there are"],
)  # fmt: skip
def test_who_gets_in(places: int, taken: int, held: int, room: bool) -> None:
    assert has_room(places, taken, held) is room


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(address: str, counted: str) -> None:
    assert counted_as(address) == counted
