"""Conditional and partial requests (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_TAG = re.compile(r'(?:W/)?("[^"]*")')
# More digits than any size has are no range: int() of a megabyte of them takes minutes.
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a body of `size` bytes, from `start` up to and without `stop`."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """The header of a 206."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A range that begins behind the end of a body of `size` bytes."""

    size: int

    @property
    def content_range(self) -> str:
        """The header of a 416."""
        return f"bytes */{self.size}"


def if_none_match(header: str | None, etag: str) -> bool:
    """Tell whether If-None-Match names `etag` (with its quotes), so that a 304 is the answer."""
    if header is None:
        return False
    # "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match":
    # proxies that compress weaken the tag.
    return header.strip() == "*" or _opaque(etag) in _TAG.findall(header)


def if_modified_since(header: str | None, modified: float) -> bool:
    """Tell whether a file is unchanged since the date of If-Modified-Since.

    "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header": the
    caller asks that one first.
    """
    date = _parsed_date(header)
    return date is not None and int(modified) <= date.timestamp()


def if_range(header: str | None, etag: str, last_modified: str | None = None) -> bool:
    """Tell whether If-Range lets the range count; without it, it does."""
    if header is None:
        return True
    validator = header.strip()
    # RFC 9110, 13.1.5: compared strongly, so that a weak tag never matches; and a date only to the letter.
    if validator.startswith('"'):
        return validator == etag
    return last_modified is not None and validator == last_modified


def parse_range(header: str | None, size: int) -> Range | Unsatisfiable | None:
    """Return the part that a Range header asks for; None for the whole body.

    Several parts, other units and nonsense mean the whole body: "a server MAY ignore the Range header".
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return _suffix(int(found[2]), size)
    start, last = int(found[1]), int(found[2] or size)
    if found[2] and last < start:
        return None
    return Range(start, min(last + 1, size), size) if start < size else Unsatisfiable(size)


def _suffix(length: int, size: int) -> Range | Unsatisfiable:
    return Range(max(0, size - length), size, size) if length and size else Unsatisfiable(size)


def _opaque(etag: str) -> str:
    return etag[2:] if etag.startswith("W/") else etag


def _parsed_date(header: str | None) -> datetime | None:
    if header is None or len(header) > 64:
        return None
    try:
        date = parsedate_to_datetime(header)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
