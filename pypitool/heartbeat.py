"""What the keeper says of itself, in a small file of the state: for `/readyz`, `/metrics` and `doctor`."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pypitool.host import hand_over

_NAME = "keeper.json"
BEAT_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life."""

    pid: int
    at: float  # seconds since the epoch
    scanning: bool = False  # a walk of everything is under way
    read: int = 0  # of the files that this walk has to read ...
    to_read: int = 0  # ... so many
    walked_at: float | None = None  # when the last walk of everything ended
    lag: float = 0.0  # for how many seconds the oldest change has been waiting
    unsettled: int = 0  # files that are being written
    watched: bool = True  # every folder is watched

    def age(self, now: float) -> float:
        """Return how long ago it was given."""
        return max(0.0, now - self.at)


class Pulse:
    """Gives signs of life, about one a second."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._last = Heartbeat(os.getpid(), 0.0)

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next one."""
        return time.time() - self._last.at >= BEAT_EVERY

    def beat(self, **news: Any) -> None:
        """Give a sign of life, with what is new."""
        self._last = replace(self._last, at=time.time(), **news)
        # A full disk must not end the keeper: who reads sees that the last sign is old.
        with suppress(OSError):
            write_heartbeat(self._state, self._last)


def write_heartbeat(state: Path, heartbeat: Heartbeat) -> None:
    """Replace the last sign of life."""
    # No fsync: after a crash of the machine it would be stale anyway.
    temporary = state / f".{_NAME}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(heartbeat)))
    hand_over(temporary)
    temporary.replace(state / _NAME)


def read_heartbeat(state: Path) -> Heartbeat | None:
    """Return the last sign of life, or None if there was none."""
    try:
        document = json.loads((state / _NAME).read_text())
        known = Heartbeat.__dataclass_fields__.keys()
        return Heartbeat(**{key: value for key, value in document.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
