"""Texts as people write and read them: durations, sizes, moments, strangers' words in messages.

Durations are `90s`, `1h30m`, `7d`, sizes `2G`, `512 KiB`; the moments of our files and answers are ISO 8601,
UTC, with microseconds and a Z. And of a word that is not known: which one was probably meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone

from pypitool.core.errors import Kind, PypitoolError

_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_BYTES = {"T": 1024**4, "G": 1024**3, "M": 1024**2, "K": 1024, "": 1}
# At most nine digits each: no setting needs more, and float() of a thousand digits is infinite.
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([wdhms])", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern}\s*)+", re.ASCII)
_BARE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15})(\.[0-9]{1,9})?\s*([KMGT]?)(?:i?B)?", re.ASCII | re.IGNORECASE)


class BadQuantity(PypitoolError):
    """A text that is not the quantity it should be."""

    kind = Kind.INVALID
    text: str
    expected: str

    def __str__(self) -> str:
        return f"expected {self.expected}, got `{printable(self.text)}`"


def parse_duration(text: str) -> float:
    """Return the seconds of `90`, `90s`, `1.5h` or `1h30m`."""
    stripped = text.strip().lower()
    if _BARE.fullmatch(stripped):
        return float(stripped)
    if not _DURATION.fullmatch(stripped):
        raise BadQuantity(text, "a duration such as `90s`, `15m`, `12h` or `7d`")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(stripped))


def parse_size(text: str) -> int:
    """Return the bytes of `4096`, `512K`, `1.5 GiB` or `2G`: units are powers of 1,024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadQuantity(text, "a size such as `4096`, `512K`, `64M` or `2G`")
    whole, fraction, unit = found.groups()
    factor = _BYTES[unit.upper()]
    return int(whole) * factor + int(float(fraction or 0) * factor)


def duration_text(seconds: float) -> str:
    """Return a duration as `parse_duration` reads it: `1h30m`, `0.5s`."""
    whole, rest = divmod(seconds, 1)
    if rest or whole < 1:
        return f"{seconds:g}s"
    return "".join(f"{number}{unit}" for number, unit in _split(int(whole)) if number)


def _split(seconds: int) -> list[tuple[int, str]]:
    parts = []
    for unit, length in _SECONDS.items():
        if unit == "w" and seconds % length:
            continue  # `90d` says more than `12w6d`
        number, seconds = divmod(seconds, length)
        parts.append((number, unit))
    return parts


def size_text(size: int) -> str:
    """Return a size as `parse_size` reads it, exactly: `2G`, `1536K`, `1000`."""
    for unit, factor in _BYTES.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return "0"


def short_size(size: int) -> str:
    """Return a size for tables, rounded: `1.4 MiB`, `312 B`."""
    for unit, factor in _BYTES.items():
        if unit and size >= factor:
            return f"{size / factor:.1f} {unit}iB"
    return f"{size} B"


def counted(count: int, what: str) -> str:
    """Return how many there are of something: `1 file`, `2 files`."""
    return f"{count} {what}{'s' * (count != 1)}"


def sizes_text(done: int, total: int | None) -> str:
    """Return how much of a size there is, both in the unit of the whole: `12.3/371.7 MiB`."""
    if total is None:
        return short_size(done)
    for unit, factor in _BYTES.items():
        if unit and total >= factor:
            return f"{done / factor:.1f}/{total / factor:.1f} {unit}iB"
    return f"{done}/{total} B"


def clock(seconds: float) -> str:
    """Return a length of time as a clock shows it: `0:01:23`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def shortened(text: str, width: int, dots: str = "\N{HORIZONTAL ELLIPSIS}") -> str:
    """Return a text that is no wider: of a file's name the middle says least."""
    if len(text) <= width:
        return text
    kept = max(width - len(dots), 0)
    tail = kept // 2
    return f"{text[: kept - tail]}{dots}{text[len(text) - tail :]}"[:width]


def timestamp(moment: float | datetime) -> str:
    """Return a moment, in seconds since 1970 or with its zone, as all our files and answers write it."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, timezone.utc)
    # PEP 700: "yyyy-mm-ddThh:mm:ss.ffffffZ", in UTC, at most six digits.
    return moment.astimezone(timezone.utc).strftime(_MOMENT)


def parse_timestamp(text: str) -> float:
    """Return the seconds since 1970 of a moment that `timestamp` has written."""
    # Not fromisoformat: before Python 3.11 it knows no Z.
    return datetime.strptime(text, _MOMENT).replace(tzinfo=timezone.utc).timestamp()


def is_text(text: str) -> bool:
    """Tell whether a text is one: bytes that are no UTF-8, and half a character of JSON, are kept in none."""
    # PEP 383 and `\\udc00` in JSON put half a character into a `str`: no file, database or page can hold it.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str, limit: int = 120) -> str:
    """Return `text` fit for a message: on one line, ASCII, and not endless."""
    shown = text.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= limit else f"{shown[:limit]}..."


def to_the_second(moment: str) -> str:
    """Shorten a moment of ours for people: `2026-01-02T03:04:05Z`."""
    return f"{moment[:19]}Z"


def suggested(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like `word`, if one does."""
    from difflib import get_close_matches

    spelled = word.lower().replace("_", "-")
    return next(iter(get_close_matches(spelled, tuple(candidates), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return the end of a sentence that asks for the probable word, or nothing."""
    close = suggested(word, candidates)
    return f", did you mean `{close}`?" if close else ""
