"""A walk compared with what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pypitool.core.model import FileStat, Location, Problem
from pypitool.core.scan_plan import ScanPlan, Unreadable, Walked, plan_scan

OLD, NEW = FileStat(10, 1, 1, 7), FileStat(10, 1, 2, 7)


def walked(*paths: str, stat: FileStat = OLD, signed: bool = False) -> list[Walked | Unreadable]:
    return [Walked(Location(0, path), stat, signed) for path in paths]


def known(*paths: str) -> list[Walked]:
    return [Walked(Location(0, path), OLD) for path in paths]


def problem(path: str, reason: str = "it is truncated", stat: FileStat | None = OLD) -> Problem:
    return Problem(Location(0, path), reason, stat)


def compare(met: list[Walked | Unreadable], had: list[Walked], *problems: Problem) -> dict[str, object]:
    """Return the parts of a plan that are not empty, by path."""
    made = plan_scan(met, had, {one.location: one for one in problems})
    return {
        name: value
        for name, value in {
            "changed": [place.path for place in made.changed],
            "gone": [place.path for place in made.gone],
            "solved": [place.path for place in made.solved],
            "unreadable": [one.location.path for one in made.unreadable],
            "unchanged": made.unchanged,
        }.items()
        if value
    }


def test_what_is_the_same_needs_nothing() -> None:
    assert compare(walked("a", "b"), known("a", "b")) == {"unchanged": 2}


def test_new_changed_and_gone_are_told_apart() -> None:
    met = [*walked("b", stat=NEW), *walked("c"), *walked("e")]

    assert compare(met, known("a", "b", "c", "d", "f")) == {
        "changed": ["b", "e"],
        "gone": ["a", "d", "f"],
        "unchanged": 1,
    }


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_a_change_of_any_part_of_the_stat_is_seen(field: str) -> None:
    changed = replace(OLD, **{field: 99})

    assert compare(walked("a", stat=changed), known("a")) == {"changed": ["a"]}


def test_a_signature_that_came_is_a_change() -> None:
    assert compare(walked("a", signed=True), known("a")) == {"changed": ["a"]}


def test_nothing_walked_means_everything_is_gone() -> None:
    assert compare([], known("a", "b")) == {"gone": ["a", "b"]}


def test_a_file_that_was_judged_is_not_read_again_until_it_changes() -> None:
    assert compare(walked("a"), [], problem("a")) == {"unchanged": 1}
    assert compare(walked("a", stat=NEW), [], problem("a")) == {"changed": ["a"]}
    assert compare(walked("a"), [], problem("a", stat=None)) == {"changed": ["a"]}


def test_a_problem_is_solved_when_its_file_is_gone_or_known() -> None:
    assert compare([], [], problem("a")) == {"solved": ["a"]}
    assert compare(walked("a"), known("a"), problem("a")) == {"solved": ["a"], "unchanged": 1}


def test_a_rival_is_known_and_a_problem_at_once() -> None:
    rival = problem("a", "a file of the same name with other bytes comes first: `b/a`")

    assert compare(walked("a"), known("a"), rival) == {"unchanged": 1}


def test_a_folder_that_cannot_be_listed_keeps_its_files() -> None:
    met = [*walked("a"), Unreadable(Location(0, "b/"), "it cannot be listed"), *walked("c")]

    assert compare(met, known("a", "aa", "b/x", "b/y/z", "bb", "c"), problem("b/broken")) == {
        "gone": ["aa", "bb"],
        "unreadable": ["b/"],
        "unchanged": 2,
    }


def test_a_root_that_cannot_be_listed_keeps_everything() -> None:
    met: list[Walked | Unreadable] = [Unreadable(Location(0, ""), "it cannot be listed")]

    assert compare(met, known("a", "b/c"), problem("d")) == {"unreadable": [""]}


def test_a_file_that_can_no_longer_be_served_is_gone() -> None:
    met: list[Walked | Unreadable] = [Unreadable(Location(0, "a"), "it is a link that leads out")]

    assert compare(met, known("a")) == {"gone": ["a"], "unreadable": ["a"]}


def test_the_empty_plan_is_empty() -> None:
    assert plan_scan([], [], {}) == ScanPlan((), (), (), (), 0)
