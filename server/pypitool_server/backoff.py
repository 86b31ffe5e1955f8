"""How long to wait before something that ended by itself is started again."""

from __future__ import annotations

SHORT_LIFE_SECONDS = 10.0
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 5.0


class Backoff:
    """Waits longer after each short life; the first one after a long life is free."""

    def __init__(self) -> None:
        self._short_lives = 0

    def after(self, lived: float) -> float:
        """Return the seconds to wait, after a life of `lived` seconds."""
        if lived >= SHORT_LIFE_SECONDS:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        # 2.0**32 and not more: after weeks of crashes the power would be too large for a float.
        return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._short_lives - 1, 32)))
