from __future__ import annotations

from collections.abc import Iterable

import pytest

from pypitool.core.giving_up import LEAST_RATE, Reach, Traffic, UpstreamPace


def told(*projects: str, has_answered: bool = False) -> Reach:
    """Hear of projects: `a` could not be reached, `+a` was found, or failed otherwise."""
    reach = Reach(has_answered=has_answered)
    for project in projects:
        reach = reach.after(project.removeprefix("+"), unreached=not project.startswith("+"))
    return reach


@pytest.mark.parametrize(
    ("projects", "is_lost"),
    [
        ((), False),
        (("a", "b"), False),
        (("a", "b", "c"), True),
        (("a", "b", "+x", "c"), False),
        (("a", "b", "+x", "c", "d", "e"), True),
        (("a", "a", "a", "a"), False),
    ],
    ids=["none", "two", "three", "not-in-a-row", "three-after-all", "files-of-one-project"],
)
def test_three_projects_in_a_row_are_enough(projects: tuple[str, ...], is_lost: bool) -> None:
    assert told(*projects).is_lost is is_lost


def test_an_upstream_that_has_answered_is_never_lost() -> None:
    assert not told("a", "b", "c", "d", has_answered=True).is_lost


def judged(pace: UpstreamPace, samples: Iterable[Traffic]) -> float | None:
    """Say when it was too slow."""
    return next((sample.at for sample in samples if pace.is_too_slow(sample)), None)


def sending(rate: float, until: int, begin: int = 0, step: int = 1) -> list[Traffic]:
    return [Traffic(at, int(rate * at), True, True) for at in range(begin, until, step)]


def test_what_sends_too_little_over_two_minutes_is_too_slow() -> None:
    assert judged(UpstreamPace(), sending(LEAST_RATE - 1, 300)) == 120


def test_what_sends_the_least_rate_goes_on() -> None:
    assert judged(UpstreamPace(), sending(LEAST_RATE, 1000)) is None


def test_a_rate_that_falls_is_seen_within_the_next_two_minutes() -> None:
    fast = sending(1_000_000, 500)
    drip = [Traffic(at, 500_000_000 + at, True, True) for at in range(500, 900)]

    when = judged(UpstreamPace(), fast + drip)

    assert when is not None
    assert 620 <= when <= 620 + 120 / 8


def test_a_moment_in_which_nobody_waits_begins_the_window_anew() -> None:
    pauses = [Traffic(at, at, True, at % 60 != 0) for at in range(1000)]

    assert judged(UpstreamPace(), pauses) is None


def test_who_is_asked_and_sends_nothing_is_too_slow() -> None:
    assert judged(UpstreamPace(), [Traffic(at, 0, True, False) for at in range(300)]) == 120


def test_a_silence_that_is_allowed_is_waited_for() -> None:
    pace = UpstreamPace(silence=1200)

    assert judged(pace, [Traffic(at, 0, True, False) for at in range(2000)]) == 1200


def test_small_answers_from_far_away_are_no_slowness() -> None:
    # Each answer takes a second to begin, and is there at once: nobody waits in the middle of one.
    assert judged(UpstreamPace(), [Traffic(at, 300 * at, True, False) for at in range(2000)]) is None


def test_a_process_that_stood_still_judges_nobody() -> None:
    before = sending(LEAST_RATE * 2, 60)
    after = [Traffic(at, LEAST_RATE * 2 * 60, True, True) for at in range(3600, 3700)]

    assert judged(UpstreamPace(), before + after) is None
