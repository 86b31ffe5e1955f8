"""The pace of a connection: whether its client is too slow, by what the kernel counted, sample by sample.

Nothing is known of requests here. What a client owes shows in the counts: bytes that wait to be taken by it,
or a request that it has begun and not ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

LEAST_RATE = 1024  # bytes a second, over the window
WINDOW_SECONDS = 120.0
IDLE_SECONDS = 75.0
# Of the window so many samples are kept for each connection: there may be thousands.
KEPT = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take."""

    silence: float = 60.0  # without a byte, while it owes some
    window: float = WINDOW_SECONDS  # over which less than the least rate is too slow
    idle: float = IDLE_SECONDS  # without anything


def patience_of(silence: float) -> Patience:
    """Return how long a client may take where so long a silence is allowed in the middle of something."""
    return Patience(silence, idle=max(IDLE_SECONDS, silence))


@dataclass(frozen=True, slots=True)
class Sample:
    """What the kernel says of a connection at one moment; the last two are how many seconds ago that was."""

    at: float
    received: int
    acknowledged: int
    waiting: int  # bytes that were written and do not fit into what the client has room for
    unacknowledged: int  # segments that are on their way to it
    last_sent: float
    last_received: float

    @property
    def is_owed(self) -> bool:
        """Whether the client has to take, or to acknowledge, something."""
        return self.waiting > 0 or self.unacknowledged > 0

    @property
    def is_asking(self) -> bool:
        """Whether the client has sent something that was not answered, as far as one can tell."""
        # A first request may come so soon that both times are the same: then only the opening is answered.
        return self.last_received < self.last_sent or (self.received > 0 and self.acknowledged <= 1)


class Verdict(Enum):
    """What becomes of a connection."""

    FINE = "fine"
    SENDS_NOTHING = "a request stopped in its middle"
    SENDS_SLOWLY = "a request comes too slowly"
    TAKES_NOTHING = "an answer is not taken"
    TAKES_SLOWLY = "an answer is taken too slowly"
    IDLE = "nothing happens"


@dataclass(slots=True)
class Pace:
    """The samples of one connection that still matter, and since when its client owes what."""

    last: Sample
    kept: list[Sample] = field(default_factory=list)
    backlog_since: float | None = None  # when the answer began to wait for the client
    owed_since: float | None = None  # and when the client took the last of it
    asking_since: float | None = None  # when the client began to send after we did

    def __post_init__(self) -> None:
        self.kept.append(self.last)
        self._note(self.last, is_new=True)

    def follow(self, now: Sample, window: float) -> None:
        """Take the next sample."""
        before, self.last = self.last, now
        self._note(now, is_new=now.received > before.received, took=now.acknowledged > before.acknowledged)
        if now.at - self.kept[-1].at >= window / KEPT:
            self.kept.append(now)
            # The last one that is older than the window stays: the rate is counted from it.
            while len(self.kept) > 1 and now.at - self.kept[1].at >= window:
                del self.kept[0]

    def _note(self, now: Sample, *, is_new: bool, took: bool = True) -> None:
        if not now.waiting:
            self.backlog_since = None
        elif self.backlog_since is None:
            self.backlog_since = now.at
        if not now.is_owed:
            self.owed_since = None
        elif self.owed_since is None or took:
            self.owed_since = now.at
        if now.is_owed or not now.is_asking:
            self.asking_since = None
        elif self.asking_since is None and is_new:
            self.asking_since = now.at


def judge(pace: Pace, patience: Patience) -> Verdict:
    """Say what is to become of a connection.

    That a request is whole, and the server busy with it, cannot be told from one that stopped in its middle:
    `SENDS_NOTHING` and `IDLE` count only where no answer is being made for this client.
    """
    now = pace.last
    if now.is_owed:
        if pace.owed_since is not None and now.at - pace.owed_since >= patience.silence:
            return Verdict.TAKES_NOTHING
        if _lasts(pace.backlog_since, now, patience) and _is_slow(pace, patience, "acknowledged"):
            return Verdict.TAKES_SLOWLY
        return Verdict.FINE
    if now.is_asking:
        if now.last_received >= patience.silence:
            return Verdict.SENDS_NOTHING
        if _lasts(pace.asking_since, now, patience) and _is_slow(pace, patience, "received"):
            return Verdict.SENDS_SLOWLY
        return Verdict.FINE
    return Verdict.IDLE if now.last_sent >= patience.idle else Verdict.FINE


def _lasts(since: float | None, now: Sample, patience: Patience) -> bool:
    return since is not None and now.at - since >= patience.window


def _is_slow(pace: Pace, patience: Patience, count: str) -> bool:
    first, now = pace.kept[0], pace.last
    seconds = now.at - first.at
    moved: int = getattr(now, count) - getattr(first, count)
    return seconds >= patience.window and moved < LEAST_RATE * seconds
