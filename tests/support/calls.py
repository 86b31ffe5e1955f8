"""Which functions something calls: what costs too much is seen without a clock."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType


def called(act: Callable[[], object]) -> Counter[str]:
    """Count the calls by the names of the functions, those of C among them, in this thread."""
    seen: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            seen[frame.f_code.co_name] += 1
        elif event == "c_call":
            seen[getattr(argument, "__name__", "?")] += 1

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return seen
