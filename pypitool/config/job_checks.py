"""What jobs and notifications may say: a command line of ours, a time, a program to call."""

from __future__ import annotations

import shlex
from pathlib import Path

from pypitool.config.primitives import BadValue, string, strings
from pypitool.core.mirror.cron import BadSchedule, check_cron

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
