"""The pace of a connection, by samples that nobody had to wait for."""

from __future__ import annotations

from collections.abc import Callable

from pypitool.core.pace import KEPT, Pace, Patience, Sample, Verdict, judge, patience_of

PATIENCE = Patience()


def verdicts(client: Callable[[int], Sample], seconds: int = 400) -> list[tuple[int, Verdict]]:
    """Sample a client each second; return when which verdict was spoken for the first time."""
    pace = Pace(client(0))
    spoken: list[tuple[int, Verdict]] = []
    for second in range(1, seconds):
        pace.follow(client(second), PATIENCE.window)
        verdict = judge(pace, PATIENCE)
        if verdict is not Verdict.FINE and verdict not in {known for _, known in spoken}:
            spoken.append((second, verdict))
    return spoken


def sample(second: int, *, received: int = 300, acknowledged: int = 1, waiting: int = 0,
           unacknowledged: int = 0, sent: float = 0.0, heard: float = 0.0) -> Sample:  # fmt: skip
    return Sample(float(second), received, acknowledged, waiting, unacknowledged, sent, heard)


def test_a_body_that_stops_in_its_middle() -> None:
    spoken = verdicts(lambda second: sample(second, sent=second + 1, heard=second), 70)

    assert spoken == [(60, Verdict.SENDS_NOTHING)]


def test_a_body_of_a_byte_a_second() -> None:
    spoken = verdicts(lambda second: sample(second, received=300 + second, sent=second + 1))

    assert spoken == [(120, Verdict.SENDS_SLOWLY)]


def test_a_body_of_two_kilobytes_a_second() -> None:
    assert not verdicts(lambda second: sample(second, received=2048 * second, sent=second + 1))


def test_a_first_request_that_came_as_soon_as_the_connection() -> None:
    spoken = verdicts(lambda second: sample(second, sent=second, heard=second), 70)

    assert spoken == [(60, Verdict.SENDS_NOTHING)]


def test_a_fast_body_after_a_long_rest() -> None:
    """A connection that was answered long ago begins to send: the rest does not count."""

    def client(second: int) -> Sample:
        if second < 70:
            return sample(second, acknowledged=900, sent=second, heard=second)
        return sample(second, received=300 + 2048 * (second - 69), acknowledged=900, sent=second)

    assert not verdicts(client)


def test_a_body_in_bursts_that_is_fast_enough_on_the_whole() -> None:
    def client(second: int) -> Sample:
        return sample(second, received=300 + second // 50 * 100_000, sent=second + 1, heard=second % 50)

    assert not verdicts(client)


def test_an_answer_that_nobody_takes() -> None:
    spoken = verdicts(lambda second: sample(second, acknowledged=5000, waiting=100_000, sent=second), 70)

    assert spoken == [(60, Verdict.TAKES_NOTHING)]


def test_an_answer_that_is_taken_a_little_each_six_seconds() -> None:
    spoken = verdicts(lambda second: sample(second, acknowledged=second // 6 * 256, waiting=100_000))

    assert spoken == [(120, Verdict.TAKES_SLOWLY)]


def test_an_answer_that_is_taken_at_two_kilobytes_a_second() -> None:
    assert not verdicts(lambda second: sample(second, acknowledged=2048 * second, waiting=100_000))


def test_a_slow_answer_that_is_taken_to_its_end() -> None:
    """A small file over a poor line: what waits in the kernel is gone before the two minutes are over."""

    def client(second: int) -> Sample:
        return sample(
            second, acknowledged=500 * min(second, 100), waiting=max(0, 50_000 - 500 * second), sent=second
        )

    assert verdicts(client, 170) == []


def test_a_client_of_small_requests_is_not_slow() -> None:
    """Each second a request of 200 bytes, whose answer is always on its way when one looks."""
    spoken = verdicts(
        lambda second: sample(
            second, received=200 * second, acknowledged=300 * second, unacknowledged=1, heard=0.3, sent=0.2
        )
    )

    assert not spoken


def test_a_client_that_is_gone() -> None:
    spoken = verdicts(lambda second: sample(second, acknowledged=900, unacknowledged=1, sent=second), 70)

    assert spoken == [(60, Verdict.TAKES_NOTHING)]


def test_a_connection_on_which_nothing_happens() -> None:
    never = verdicts(lambda second: sample(second, received=0, sent=second, heard=second))
    answered = verdicts(lambda second: sample(second, acknowledged=900, sent=second, heard=second))

    assert never == answered == [(75, Verdict.IDLE)]


def test_a_few_samples_are_kept_however_long_it_lasts() -> None:
    pace = Pace(sample(0))

    for second in range(1, 1000):
        pace.follow(sample(second, received=second * 5000, sent=second), PATIENCE.window)

    assert len(pace.kept) <= KEPT + 2


def test_who_may_be_silent_longer_may_idle_as_long() -> None:
    assert patience_of(2.0) == Patience(2.0, idle=75.0)
    assert patience_of(600.0) == Patience(600.0, idle=600.0)
