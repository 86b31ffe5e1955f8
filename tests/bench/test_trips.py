"""The trips through our files: they count something, and are not as long again as they were."""

from __future__ import annotations

import pytest

from bench.trips import TRIPS, Trip, explained, main, take


@pytest.mark.parametrize("trip", TRIPS, ids=[trip.name for trip in TRIPS])
def test_a_trip_is_no_longer_than_it_was(trip: Trip) -> None:
    trace = take(trip)
    most = trip.most or trip.before

    assert 1 < len(trace.files) <= len(trace.moves) + 1 <= len(trace.calls)
    assert most is None or len(trace.files) <= most.files
    assert most is None or len(trace.moves) <= most.moves
    assert trip.most_calls is None or len(trace.calls) <= trip.most_calls


def test_the_table_has_a_line_for_each_trip_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "token"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["five keys of TOML", "a token made"]


def test_moves_are_explained_by_the_files_between_which_they_are() -> None:
    text = explained(take(next(trip for trip in TRIPS if trip.name == "token")), most=25)

    assert "pypitool/repository/tokens.py" in text
