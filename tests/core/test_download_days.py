from __future__ import annotations

from datetime import datetime, timezone

import pytest

from pypitool.core.download_days import day_of, days_to_drop, file_of

NOW = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
DAY = 86400.0
SIZES = {"2026-01-08": 10, "2026-01-10": 30, "2026-01-09": 20}


@pytest.mark.parametrize(
    ("keep", "most", "gone"),
    [
        (90 * DAY, 60, []),
        (90 * DAY, 59, ["2026-01-08"]),
        (90 * DAY, 49, ["2026-01-08", "2026-01-09"]),
        (90 * DAY, 29, ["2026-01-08", "2026-01-09", "2026-01-10"]),
        (1.6 * DAY, 60, []),
        (1.4 * DAY, 60, ["2026-01-08"]),
        (0.4 * DAY, 60, ["2026-01-08", "2026-01-09"]),
        (1.0, 60, ["2026-01-08", "2026-01-09"]),
    ],
)
def test_whole_days_go_oldest_first(keep: float, most: int, gone: list[str]) -> None:
    assert days_to_drop(SIZES, NOW, keep=keep, most=most) == gone


@pytest.mark.parametrize(
    "name", ["2026-01-08.jsonl.gz", "notes.txt", "2026-13-01.jsonl", ".2026-01-08.jsonl"]
)
def test_other_files_are_left_alone(name: str) -> None:
    assert day_of(name) is None


def test_a_day_has_a_file() -> None:
    assert day_of(file_of("2026-01-08")) == "2026-01-08"
