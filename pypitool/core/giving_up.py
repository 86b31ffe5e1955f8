"""When a run gives an upstream up: it cannot be reached, or sends too slowly to all transfers together."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

# Three projects, because the first may be the odd one: its page alone may lie elsewhere.
MOST_UNREACHED = 3

LEAST_RATE = 4 * 1024  # bytes a second ...
WINDOW_SECONDS = 120.0  # ... over this time
# Of the window so many samples are kept.
_KEPT = 8
# Who looks comes by more often. If not, this process stood still, and nobody knows who was slow.
_LONGEST_GAP = 10.0


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether an upstream can be reached at all, by what became of the projects that it was asked for."""

    most: int = MOST_UNREACHED
    unreached: tuple[Hashable, ...] = ()  # in a row
    has_answered: bool = False  # at all, in this run

    def after(self, project: Hashable, *, unreached: bool) -> Reach:
        """Count how a project ended."""
        if not unreached:
            return replace(self, unreached=())
        return self if project in self.unreached else replace(self, unreached=(*self.unreached, project))

    @property
    def is_lost(self) -> bool:
        """Whether it is no use to begin another project."""
        return not self.has_answered and len(self.unreached) >= self.most


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all transfers from one upstream have received until a moment, and who waits."""

    at: float
    received: int
    is_asked: bool = False  # somebody waits for an answer to begin, or to try again
    is_sending: bool = False  # somebody waits in the middle of an answer


@dataclass(slots=True)
class UpstreamPace:
    """How fast one upstream sends, to all transfers together, sample by sample.

    It is too slow where somebody has waited in the middle of an answer during the whole window, and less than
    the least rate has come; or where somebody has asked for as long as `silence`, and nothing has come.
    One slow transfer is not judged while others are fast: what they receive counts with it.
    """

    window: float = WINDOW_SECONDS
    silence: float = WINDOW_SECONDS
    _last: float | None = None
    _asked: list[Traffic] = field(default_factory=list)
    _sending: list[Traffic] = field(default_factory=list)

    def is_too_slow(self, now: Traffic) -> bool:
        """Take the next sample, and say whether it was the last straw."""
        if self._last is not None and now.at - self._last > _LONGEST_GAP:
            self._asked.clear()
            self._sending.clear()
        self._last = now.at
        _follow(self._asked, now, self.silence, goes_on=now.is_asked or now.is_sending)
        _follow(self._sending, now, self.window, goes_on=now.is_sending)
        return _comes_less(self._asked, now, self.silence, 1 / self.silence) or _comes_less(
            self._sending, now, self.window, LEAST_RATE
        )


def _follow(kept: list[Traffic], now: Traffic, window: float, *, goes_on: bool) -> None:
    if not goes_on:
        kept.clear()
    elif not kept or now.at - kept[-1].at >= window / _KEPT:
        kept.append(now)
    # The last one that is older than the window stays: the rate is counted from it.
    while len(kept) > 1 and now.at - kept[1].at >= window:
        del kept[0]


def _comes_less(kept: list[Traffic], now: Traffic, window: float, rate: float) -> bool:
    if not kept or now.at - kept[0].at < window:
        return False
    return now.received - kept[0].received < rate * (now.at - kept[0].at)
