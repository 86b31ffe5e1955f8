"""Bounded waiting: no test sleeps for a time that somebody guessed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Far more than anything takes on a busy machine: an end for what hangs, and no measure of anything.
LONGEST = 90.0


class NeverHappened(AssertionError):
    """A condition did not come true in time."""

    def __init__(self, what: str, seconds: float, last: object) -> None:
        super().__init__(f"not within {seconds:g} s: {what}; the last look gave {last!r}")


def wait_until(look: Callable[[], T], *, what: str, seconds: float = LONGEST, every: float = 0.01) -> T:
    """Look again and again until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise NeverHappened(what, seconds, seen)
        time.sleep(every)
    return seen
