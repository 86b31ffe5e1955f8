"""What values must look like beyond their type: addresses, paths, names, quantities.

What jobs and notifications may say: a command line of ours, a time, a program to call.

What the words of a target must be.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from pypitool.config.values import (
    BadTable,
    BadValue,
    comma_list,
    did_you_mean,
    masked,
    string,
    strings,
    table,
)
from pypitool.core.errors import PypitoolError
from pypitool.core.mirror.cron import BadSchedule, check_cron
from pypitool.core.mirror.target_words import (
    KNOWN_PLATFORMS,
    MARKER_VARIABLES,
    PlatformWord,
    PythonVersion,
    UnknownPlatform,
    UnknownPython,
)
from pypitool.core.text import parse_duration, parse_size

ACTIONS = ("download", "list", "update")
NO_PASSWORDS = "."
OFF = "off"
_OFF_WORDS = frozenset({"0", "no", "off", "false"})
_PREFIX = re.compile(r"/?[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*/?|/", re.ASCII)
# pypiserver's own pattern, so that every address that was allowed there is allowed here.
_ENDPOINT = re.compile(r"/[a-z0-9/_-]+", re.ASCII | re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
_GLOB = re.compile(r"[A-Za-z0-9._*?-]+", re.ASCII)
# threading's longest wait is 292 years, an engine's may be shorter.
_LONGEST = 366 * 86400.0


def path(value: object) -> Path:
    """Demand the path of a file; it is made absolute by whoever knows what it is relative to."""
    return Path(string(value, "a path"))


def paths(value: object) -> tuple[Path, ...]:
    """Demand at least one path."""
    items = strings(value, "an array of paths")
    if not items:
        raise BadValue("expected at least one directory, got an empty array")
    return tuple(Path(item) for item in items)


def inputs(value: object) -> tuple[Path, ...]:
    """Demand paths of files, or none."""
    return tuple(Path(item) for item in strings(value, "an array of paths"))


def passwords(value: object) -> Path | str:
    """Demand the path of a password file, or pypiserver's `.` for none at all."""
    text = string(value, "a path, or `.`")
    return text if text == NO_PASSWORDS else Path(text)


def mode(value: object) -> int:
    """Demand permissions as octal digits in quotes."""
    # A bare 660 in TOML is the decimal number: permissions that nobody meant.
    expected = "permissions as octal digits in quotes, such as `0660`"
    digits = string(value, expected).removeprefix("0o")
    if re.fullmatch(r"0?[0-7]{3}", digits, re.ASCII) is None:
        raise BadValue(f"expected {expected}, got `{value}`")
    return int(digits, 8)


def size(value: object) -> int:
    """Demand a number of bytes, or a text such as `2G`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        return parse_size(string(value, "a size such as `64M` or `2G`"))
    except PypitoolError as fault:
        raise BadValue(str(fault)) from None


def keep(value: object) -> float:
    """Demand for how long something is kept: a duration that may well be years."""
    return duration(value, longest=100 * 366 * 86400)


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
        raise BadValue(f"expected an http or https URL, got `{masked(text)}`")
    return text


def prefix(value: object) -> str:
    """Demand the path of a mount point; `priv`, `/priv` and `/priv/` are the same one."""
    text = string(value, "a path such as `/pypi`").strip()
    if _PREFIX.fullmatch(text) is None or any(part in (".", "..") for part in text.split("/")):
        raise BadValue(f"expected a path such as `/pypi`, got `{text}`")
    return "/" + text.strip("/")


def endpoint(value: object) -> str:
    """Demand the path of a page: letters, digits, `/`, `_` and `-`."""
    text = string(value, "a path such as `/health`").strip()
    if _ENDPOINT.fullmatch(text) is None:
        raise BadValue(f"expected `/` and then letters, digits, `/`, `_` or `-`, got `{text}`")
    return text


def hash_name(value: object) -> str:
    """Demand the name of a digest that this Python knows, or a word for none."""
    import hashlib

    if value is False:
        return OFF
    name = string(value, "the name of a digest, or off").strip().lower()
    if name in _OFF_WORDS:
        return OFF
    if name not in hashlib.algorithms_available:
        raise BadValue(f"expected sha256, md5, blake2b or off, got `{value}`")
    return name


def header(value: object) -> str:
    """Demand the name of an HTTP header."""
    name = string(value, "the name of an HTTP header").strip()
    # An underscore would make two headers one in WSGI's environ: X_Remote_User is X-Remote-User there.
    if _HEADER.fullmatch(name) is None:
        raise BadValue(f"expected the name of an HTTP header such as `X-Remote-User`, got `{name}`")
    return name


def networks(value: object) -> tuple[str, ...]:
    """Demand addresses, networks, or the word `unix`."""
    return tuple(_network(item) for item in strings(value, "an array of addresses or networks"))


def _network(text: str) -> str:
    from ipaddress import ip_network

    if text.strip().lower() == "unix":
        return "unix"
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


def names(value: object) -> tuple[str, ...]:
    """Demand names of tables."""
    return strings(value, "an array of names")


def actions(value: object) -> tuple[str, ...]:
    """Demand some of download, list and update, or `.` alone for none of them."""
    expected = f"some of {', '.join(ACTIONS)}, or `.` alone"
    items = strings(comma_list(value) if isinstance(value, str) else value, expected)
    words = [item.strip().lower() for item in items]
    if words == ["."]:
        return ()
    unknown = [word for word in words if word not in ACTIONS]
    if unknown or not words:
        raise BadValue(f"expected {expected}, got `{', '.join(unknown) or 'nothing'}`")
    return tuple(action for action in ACTIONS if action in words)


# What may run at night, by the words that it begins with.
COMMANDS = (("sync",), ("update",), ("verify",), ("prune",), ("bundle", "export"))


def run(value: object) -> tuple[str, ...]:
    """Demand a command line that a job may run; its options are judged where they are known."""
    listed = ", ".join(" ".join(words) for words in COMMANDS)
    text = string(value, f"a command line of {listed}")
    words = _split(text)
    if words[:1] == ("pypitool",):
        raise BadValue("leave out `pypitool`: the line begins with the command")
    if not any(words[: len(command)] == command for command in COMMANDS):
        raise BadValue(f"expected a command line of {listed}, got `{text}`")
    return words


def line(words: tuple[str | Path, ...]) -> str:
    """Write words as a command line."""
    return shlex.join(str(word) for word in words)


def cron(value: object) -> str:
    """Demand a cron line with named days of the week."""
    text = string(value, "a cron line such as `30 3 * * *`").strip()
    try:
        check_cron(text)
    except BadSchedule as fault:
        raise BadValue(str(fault)) from None
    return text


def timezone(value: object) -> str:
    """Demand the name of a time zone that this machine knows."""
    from zoneinfo import ZoneInfo

    text = string(value, "a time zone such as `UTC` or `Europe/Paris`").strip()
    try:
        _ = text == "UTC" or ZoneInfo(text)
    except (ValueError, KeyError, OSError):  # unknown; a path that leaves the zones; a directory of them
        raise BadValue(f"expected a time zone such as `UTC` or `Europe/Paris`, got `{text}`") from None
    return text


def command(value: object) -> tuple[str | Path, ...]:
    """Demand a program with its arguments, as one line or as an array; no shell reads it."""
    expected = "a command line, or an array of words"
    words = _split(string(value, expected)) if isinstance(value, str) else strings(value, expected)
    if not words:
        raise BadValue(f"expected {expected}, got nothing")
    program, *arguments = words
    # A name is looked for in PATH, a path is relative to the configuration as every other is.
    return (Path(program) if "/" in program else program, *arguments)


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise BadValue(f"`{text}` is no command line: {str(fault).lower()}") from None


_ABI = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


def python(value: object) -> str:
    """Demand a version of Python as a target names it."""
    # A bare 3.10 in TOML is the number 3.1.
    text = string(value, "a Python in quotes, such as `3.12`, `3.12.4` or `3.13t`").strip()
    try:
        PythonVersion.parse(text)
    except UnknownPython:
        raise BadValue(f"expected a Python such as `3.12`, `3.12.4` or `3.13t`, got `{text}`") from None
    return text


def platform(value: object) -> str:
    """Demand a platform tag that describes a machine."""
    text = string(value, f"one of {KNOWN_PLATFORMS}").strip()
    try:
        PlatformWord.parse(text)
    except UnknownPlatform:
        raise BadValue(f"expected one of {KNOWN_PLATFORMS}, got `{text}`") from None
    return text


def abis(value: object) -> tuple[str, ...]:
    """Demand ABI tags."""
    items = strings(value, "an ABI tag such as `cp312`, or an array of them")
    for item in items:
        if _ABI.fullmatch(item) is None:
            raise BadValue(f"expected an ABI tag such as `cp312`, got `{item}`")
    return items


def markers(value: object) -> tuple[tuple[str, str], ...]:
    """Demand values for marker variables."""
    given = table(value, 'a table such as { platform_release = "6.8.0" }')
    faults = {}
    for name, text in given.items():
        if name not in MARKER_VARIABLES:
            faults[name] = f"is no marker variable{did_you_mean(name, MARKER_VARIABLES)}"
        elif not isinstance(text, str):
            faults[name] = "expected a string"
    if faults:
        raise BadTable(faults)
    return tuple((name, str(text)) for name, text in given.items())
