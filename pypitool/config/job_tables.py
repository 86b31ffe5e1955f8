"""What runs by itself and who hears of it: `[job.NAME]` and `[notify]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered
from pypitool.config.keys import demanded, setting
from pypitool.config.kinds import SPAN, ValueKind, command_line, command_words, one_of, unknown_word, url
from pypitool.config.values import BadValue, host_only, string, strings
from pypitool.core.mirror.cron import BadSchedule, check_cron

# What may run at night, by the words that it begins with, and which of its operands name sets.
JOB_COMMANDS: dict[tuple[str, ...], slice] = {
    ("sync",): slice(None),
    ("update",): slice(0),
    ("verify",): slice(0),
    ("prune",): slice(0),
    ("bundle", "export"): slice(1, None),  # behind the file
}
_NAMES = [" ".join(words) for words in JOB_COMMANDS]
# What stands in a command line besides its options; raises `BadValue` for a line that cannot be run.
Operands = Callable[[Sequence[str]], Sequence[str]]


def run(value: object) -> tuple[str, ...]:
    """Demand a command line that a job may run; its options are judged where they are known."""
    listed = ", ".join(_NAMES)
    text = string(value, f"a command line of {listed}")
    words = command_words(text)
    if words[:1] == ("pypitool",):
        raise BadValue("leave out `pypitool`: the line begins with the command")
    if _sets_among(words) is None:
        raise BadValue(f"expected a command line of {listed}, got `{text}`")
    return words


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
    words = command_words(string(value, expected)) if isinstance(value, str) else strings(value, expected)
    if not words:
        raise BadValue(f"expected {expected}, got nothing")
    program, *arguments = words
    # A name is looked for in PATH, a path is relative to the configuration as every other is.
    return (Path(program) if "/" in program else program, *arguments)


RUN = ValueKind("COMMAND", run, to_toml=command_line)
CRON = ValueKind("CRON", cron)
TIMEZONE = ValueKind("ZONE", timezone)
WEBHOOK = ValueKind("URL", url, mask=host_only)
COMMAND = ValueKind("COMMAND", command, to_toml=command_line)
NOTIFY_ON = one_of("failure", "change", "always")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """`[job.NAME]`: what the daemon, or a timer of systemd, runs, and when."""

    name: str
    run: tuple[str, ...] = demanded(
        f"command line of {', '.join(_NAMES[:-1])} or {_NAMES[-1]}", kind=RUN, example="sync"
    )
    cron: str = demanded(
        "minute hour day month weekday; days of the week by name", kind=CRON, example="30 3 * * *"
    )
    timezone: str | None = setting(
        None, "zone of these times; default: the machine's", kind=TIMEZONE, example="Europe/Paris"
    )
    jitter: float = setting(0.0, "begin up to this much later", kind=SPAN)
    catch_up: float = setting(
        86400.0, "run at start when the last time was missed, if not longer ago than this", kind=SPAN
    )


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """`[notify]`: who is told how a run ended."""

    webhook: str | None = setting(
        None,
        "address that gets a POST with the summary of a run, as JSON",
        kind=WEBHOOK,
        env="PYPITOOL_NOTIFY_WEBHOOK",
        example="https://chat.acme.example/hook",
    )
    command: tuple[str | Path, ...] | None = setting(
        None,
        "program that gets the same on standard input, with its arguments",
        kind=COMMAND,
        env="PYPITOOL_NOTIFY_COMMAND",
        example="/usr/local/bin/tell --mirror",
    )
    on: str = setting(
        "failure",
        "which runs are told: failure, change (and failures), or always",
        kind=NOTIFY_ON,
        env="PYPITOOL_NOTIFY_ON",
    )


def unusable_jobs(gathered: Gathered, operands: Operands) -> Iterator[ConfigFault]:
    """Yield the command lines that cannot be run, and the sets in them that are not there."""
    known = gathered.names("set")
    for path in (f"job.{name}.run" for name in gathered.names("job")):
        words = gathered.value(path)
        if words is None:
            continue
        try:
            named = operands(words)[_sets_among(words) or slice(0)]
        except BadValue as fault:
            yield gathered.fault(path, str(fault))
            continue
        for one in named:
            if one not in known:
                yield gathered.fault(path, unknown_word(one, known, "set"))


def _sets_among(words: Sequence[str]) -> slice | None:
    """Return which operands of a command line name sets; None: no job may run it."""
    return next((at for command, at in JOB_COMMANDS.items() if tuple(words[: len(command)]) == command), None)
