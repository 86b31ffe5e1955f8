"""What wrk says is read, and what was measured is told truthfully."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench import report, wrk
from bench.corpora import CORPORA
from bench.model import Case, Results, Row, Sample, at_least, share_of_nginx, times_devpi

REPORT = """Running 1s test @ http://127.0.0.1:80/
  1 threads and 16 connections
  39212 requests in 1.10s, 44.5MB read
Requests/sec:  35642.01
"""


def test_wrk_is_read() -> None:
    load = wrk.parse(REPORT)

    assert load == wrk.Load(39212, 1.10)


@pytest.mark.parametrize(
    "line", ["  Non-2xx or 3xx responses: 3", "  Socket errors: connect 0, read 7, write 0, timeout 0"]
)
def test_a_run_with_errors_does_not_count(line: str) -> None:
    with pytest.raises(wrk.LoadFailed):
        wrk.parse(f"{REPORT}{line}\n")


def test_a_broken_promise_is_shown() -> None:
    results = Results()
    row = a_row()
    results.add(row, Case("pypitool", CORPORA["M"]), Sample(2_000.0))
    results.add(row, Case("nginx", CORPORA["M"]), Sample(10_000.0))

    cells = report.line(row, "M", results)

    assert cells[3:] == ["2,000", "10,000", "–", "–", "20%", "≥ 25 % of nginx, ≥ 1,000", "NO, yes"]


def test_a_promise_beside_a_peer_counts_where_the_peer_was_measured() -> None:
    promise = times_devpi(1.5)

    assert promise.reached({"pypitool": 150.0, "devpi": 100.0})
    assert not promise.reached({"pypitool": 149.0, "devpi": 100.0})
    assert promise.reached({"pypitool": 1.0})


def test_the_median_of_the_rounds_is_shown() -> None:
    results = Results()
    row = a_row()
    for value in (1.0, 50.0, 3.0):
        results.add(row, Case("pypitool", CORPORA["M"]), Sample(value))

    assert results.values("page", "M") == {"pypitool": 3.0}


def test_corpora_are_compared() -> None:
    results = Results()
    row = a_row()
    results.add(row, Case("pypitool", CORPORA["S"]), Sample(100.0))
    results.add(row, Case("pypitool", CORPORA["L"]), Sample(70.0))

    assert report.flat_lines([row], results) == [["a page", "L against S", "70%", "within 20 %", "NO"]]


@pytest.mark.process
def test_the_rows_are_listed() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "--list"], capture_output=True, text=True, check=True
    )

    assert "page-json" in ended.stdout


def a_row() -> Row:
    """A row of the table that is promised two things."""
    targets = {"M": (share_of_nginx(25), at_least(1_000))}
    return Row(
        "page", "a page", "requests per CPU s", ("M",), ("pypitool", "nginx"), lambda run, case: None, targets
    )
