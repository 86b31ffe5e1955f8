"""What time it is, for whoever judges how old the files of an upstream are."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

# A difference below this is no clock that is wrong.
_SKEW = timedelta(minutes=1)


def now_at(skew: float) -> datetime:
    """Return the time at an upstream whose clock is `skew` seconds ahead of ours."""
    now, ahead = datetime.now(timezone.utc), timedelta(seconds=skew)
    return now + ahead if abs(ahead) > _SKEW else now
