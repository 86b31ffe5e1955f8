"""How long to wait before a server is asked again, by what its answer says; and the dates of headers."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

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
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip())
    moment = parse_http_date(header)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def parse_http_date(header: str) -> datetime | None:
    """Read the moment of a header, in any form of RFC 9110, 5.6.7; None when it is none."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    # Without a zone come `-0000`, which is UTC too (RFC 5322, 3.3), and the form of C's asctime().
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
