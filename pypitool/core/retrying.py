"""Whether a request that failed is worth another try, and how long to wait before it."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


def wait_before_retry(attempt: int, retry_after: str | None, longest: float, now: datetime) -> float | None:
    """Return the seconds before try `attempt + 1`, or None when the server asks for more than `longest`."""
    asked = parse_retry_after(retry_after, now)
    if asked is not None:
        return asked if asked <= longest else None
    return min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT)


def parse_retry_after(header: str | None, now: datetime) -> float | None:
    """Read Retry-After in both forms: seconds, or a date."""
    if header is None or not header.strip():
        return None
    if header.strip().isdigit():
        return float(header.strip())
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())
