"""The kinds of value that a key can have: how each is read from TOML and from text, and written back.

Those that one table alone has stand beside its settings.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypitool.config.values import (
    BadTable,
    BadValue,
    boolean,
    boolean_text,
    choice,
    comma_list,
    integer,
    integer_text,
    string,
    strings,
)
from pypitool.core.errors import PypitoolError
from pypitool.core.masking import masked_urls
from pypitool.core.text import did_you_mean, duration_text, parse_duration, parse_size, size_text

UNIX = "unix"
_GLOB = re.compile(r"[A-Za-z0-9._*?-]+", re.ASCII)
# threading's longest wait is 292 years, an engine's may be shorter.
_LONGEST = 366 * 86400.0


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class ValueKind:
    """One kind of value; `read` is the only judge, whatever source the value came from."""

    metavar: str
    read: Callable[[object], Any]  # what TOML holds -> the value; raises BadValue
    from_text: Callable[[str], object] = _same  # a flag or a variable -> what TOML would hold
    to_toml: Callable[[Any], object] = _same  # the value -> what TOML would hold
    choices: tuple[str, ...] = ()
    repeatable: bool = False  # as a flag
    mask: Callable[[str], str] = masked_urls  # what of it is never printed

    def parse(self, text: str) -> Any:
        """Return the value that a flag or a variable means."""
        return self.read(self.from_text(text))


def one_of(*words: str) -> ValueKind:
    """Make the kind of a few words."""
    return ValueKind("|".join(words), lambda value: choice(value, words), choices=words)


def list_of(metavar: str, read: Callable[[object], Any]) -> ValueKind:
    """Make the kind of a list, which a flag gives with commas or by being repeated."""
    return ValueKind(metavar, read, comma_list, texts, repeatable=True)


def number(low: int, high: int, metavar: str = "NUMBER") -> ValueKind:
    """Make the kind of a whole number between two others, both allowed."""
    return ValueKind(metavar, lambda value: integer(value, low, high), integer_text)


def texts(values: tuple[object, ...]) -> list[str]:
    """Write each of the values as text."""
    return [str(value) for value in values]


def path(value: object) -> Path:
    """Demand the path of a file; it is made absolute by whoever knows what it is relative to."""
    return Path(string(value, "a path"))


def size(value: object) -> int:
    """Demand a number of bytes, or a text such as `2G`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        return parse_size(string(value, "a size such as `64M` or `2G`"))
    except PypitoolError as fault:
        raise BadValue(str(fault)) from None


def duration(value: object, *, longest: float = _LONGEST) -> float:
    """Demand a length of time that is more than nothing: seconds, or a text such as `15m`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    try:
        seconds = parse_duration(string(value, "a duration such as `90s` or `15m`"))
    except PypitoolError as fault:
        raise BadValue(str(fault)) from None
    if not 0 < seconds <= longest:
        raise BadValue(f"expected a duration above 0 and up to {longest / 86400:.0f}d, got `{value}`")
    return seconds


def span(value: object, *, may_be_zero: bool = True) -> float:
    """Demand a length of time in quotes, with its units, or `0`: a bare 7 was meant to be days, perhaps."""
    text = string(value, "a duration in quotes, such as `90s` or `7d`").strip()
    try:
        seconds = parse_duration(text)
    except PypitoolError as fault:
        raise BadValue(str(fault)) from None
    if seconds and not text[-1].isalpha():
        raise BadValue(f"expected a duration with its unit, such as `{text}s` or `{text}d`, got `{text}`")
    if seconds > _LONGEST or not (seconds or may_be_zero):
        above = "" if may_be_zero else "above 0 and "
        raise BadValue(f"expected a duration {above}up to 366d, got `{text}`")
    return seconds


def some_span(value: object) -> float:
    """Demand a length of time in quotes that is more than nothing."""
    return span(value, may_be_zero=False)


def url(value: object) -> str:
    """Demand the address of a web server."""
    from urllib.parse import urlsplit

    text = string(value, "an http or https URL").strip()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in text:
        raise BadValue(f"expected an http or https URL, got `{masked_urls(text)}`")
    return text


def networks(value: object) -> tuple[str, ...]:
    """Demand addresses, networks, or the word `unix`."""
    return tuple(_network(item) for item in strings(value, "an array of addresses or networks"))


def _network(text: str) -> str:
    from ipaddress import ip_network

    if text.strip().lower() == UNIX:
        return UNIX
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise BadValue(f"expected an address, a network or the word unix, got `{text}`") from None


def globs(value: object) -> tuple[str, ...]:
    """Demand patterns of project names, with `*` and `?` only."""
    items = strings(value, "an array of project names or globs")
    for item in items:
        if _GLOB.fullmatch(item) is None:
            raise BadValue(f"expected a project name, with `*` and `?` for the rest of it, got `{item}`")
    return items


def command_words(text: str) -> tuple[str, ...]:
    """Split a command line into its words."""
    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise BadValue(f"`{text}` is no command line: {str(fault).lower()}") from None


def command_line(words: tuple[str | Path, ...]) -> str:
    """Write words as a command line."""
    return shlex.join(str(word) for word in words)


def each_read(given: Mapping[str, object], read: Callable[[str, object], Any]) -> dict[str, Any]:
    """Read every value of a table, or raise `BadTable` with all that is wrong in it."""
    found, faults = {}, {}
    for name, value in given.items():
        try:
            found[name] = read(name, value)
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    return found


def unknown_word(word: str, known: Iterable[str], what: str) -> str:
    """Say that there is no such thing, and which one was probably meant."""
    listed = tuple(known)
    rest = did_you_mean(word, listed) or f"; there is {', '.join(listed) or 'none'}"
    return f"there is no {what} `{word}`{rest}"


TEXT = ValueKind("TEXT", string)
PATH = ValueKind("PATH", path, to_toml=str)
FLAG = ValueKind("", boolean, boolean_text)
SIZE = ValueKind("SIZE", size, to_toml=size_text)
DURATION = ValueKind("DURATION", duration, to_toml=duration_text)
SPAN = ValueKind("DURATION", span, to_toml=lambda seconds: duration_text(seconds) if seconds else "0")
SOME_SPAN = ValueKind("DURATION", some_span, to_toml=duration_text)
URL = ValueKind("URL", url)
GLOBS = list_of("GLOB", globs)
NETWORKS = list_of("NETWORK", networks)
