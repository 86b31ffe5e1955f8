"""The headers of a request, read: conditions, ranges, which form of a page is wanted, and whether compressed.

RFC 9110 has conditions and ranges (sections 13 and 14), PEP 691 the forms. One header is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum

# What a change came to: a server of ours says it here where the document of its answer does not.
OUTCOME = "X-Pypitool-Outcome"
# With which change a page is: a mirror compares it with the list of projects, lest it takes an old copy.
LAST_SERIAL = "X-PyPI-Last-Serial"

_TAG = re.compile(r'(?:W/)?("[^"]*")')
# More digits than any size has are no range: int() of a megabyte of them takes minutes.
_MOST_DIGITS = 19


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
    unit, _, asked = (header or "").partition("=")
    first, dash, last = map(str.strip, asked.partition("-"))
    if unit.strip().lower() != "bytes" or not (dash and (first or last) and _is_digits(first + last)):
        return None
    if max(len(first), len(last)) > _MOST_DIGITS:
        return None
    if not first:
        return _suffix(int(last), size)
    if last and int(last) < int(first):
        return None
    start = int(first)
    return Range(start, min(int(last or size) + 1, size), size) if start < size else Unsatisfiable(size)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


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


_QUALITY = re.compile(r"\s*q\s*=\s*(0?\.[0-9]{1,3}|[01](?:\.[0-9]{0,3})?)\s*", re.IGNORECASE | re.ASCII)
_QUALITY_NAME = re.compile(r"\s*q\s*=", re.IGNORECASE)


class MediaType(Enum):
    """The three types of a page of the Simple API, in the order that breaks a tie."""

    JSON_V1 = "application/vnd.pypi.simple.v1+json"
    HTML_V1 = "application/vnd.pypi.simple.v1+html"
    TEXT_HTML = "text/html"

    @property
    def content_type(self) -> str:
        """The header of the reply: for `latest` too, "the content type for the actual version"."""
        return self.value if self is MediaType.JSON_V1 else f"{self.value}; charset=utf-8"

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON; the other two share one body."""
        return self is MediaType.JSON_V1


_NAMES = {
    "application/vnd.pypi.simple.v1+json": MediaType.JSON_V1,
    "application/vnd.pypi.simple.latest+json": MediaType.JSON_V1,
    "application/vnd.pypi.simple.v1+html": MediaType.HTML_V1,
    "application/vnd.pypi.simple.latest+html": MediaType.HTML_V1,
    "text/html": MediaType.TEXT_HTML,
}


def negotiate(accept: str | None, format_parameter: str | None = None) -> MediaType | None:
    """Choose by `?format=`, then by the Accept header; None where nothing is acceptable (406)."""
    if format_parameter is not None:
        # In a query string, a plus sign that nobody escaped arrives as a space.
        asked = _NAMES.get(format_parameter.replace(" ", "+").lower())
        if asked is not None:
            return asked
    if accept is None or not accept.strip(" \t,"):
        return MediaType.TEXT_HTML
    return _best(_qualities(accept))


def acceptable_types() -> str:
    """Return the body of a 406: the types that there are, one on a line."""
    return "".join(f"{media_type.value}\n" for media_type in MediaType)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Tell whether a client takes gzip, and likes it no less than the plain body."""
    qualities = _qualities(accept_encoding or "")
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _best(qualities: dict[str, float]) -> MediaType | None:
    # A type that is named beats one that only `*/*` lets in. Where only that does, it is a browser or an
    # old client, and HTML is meant, as from the public PyPI.
    ranked = [(*_quality(media_type, qualities), media_type) for media_type in MediaType]
    quality, named = max((quality, named) for quality, named, _ in ranked)
    best = [media_type for *rank, media_type in ranked if rank == [quality, named]]
    if not quality:
        return None
    return best[0] if named else best[-1]


def _quality(media_type: MediaType, qualities: dict[str, float]) -> tuple[float, bool]:
    """Return the quality that the most specific range gives, and whether it is more than `*/*`."""
    exact = [qualities[name] for name, meant in _NAMES.items() if meant is media_type and name in qualities]
    if exact:
        return max(exact), True
    group = media_type.value.partition("/")[0] + "/*"
    if group in qualities:
        return qualities[group], True
    return qualities.get("*/*", qualities.get("*", 0.0)), False


def _qualities(header: str) -> dict[str, float]:
    """Return the quality of each range, the highest where it is named twice: order means nothing."""
    found: dict[str, float] = {}
    for name, quality in _ranges(header):
        found[name] = max(quality, found.get(name, 0.0))
    return found


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        name, *parameters = part.split(";")
        qualities = [parameter for parameter in parameters if _QUALITY_NAME.match(parameter)]
        quality = _QUALITY.fullmatch(qualities[0]) if qualities else None
        if qualities and quality is None:
            continue  # a quality that is none: nobody can say what this range means
        yield name.strip().lower(), min(1.0, float(quality[1])) if quality else 1.0
