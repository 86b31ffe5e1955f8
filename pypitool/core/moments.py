"""Moments as our files and answers write them: ISO 8601, UTC, microseconds, ends in Z."""

from __future__ import annotations

from datetime import datetime, timezone


def moment(text: str) -> float:
    """Return the seconds since 1970 of a moment that `facts.timestamp` has written."""
    # Not fromisoformat: before Python 3.11 it knows no Z.
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
