"""Command lines written for pypi-server: put into our order, and taken with flags that do nothing here."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from pypitool.cli.command import option
from pypitool.cli.invocation import Invocation
from pypitool.cli.root import ALIASES, command_names, root

# With the flags of `pypi-server -U` that take no value, and `-d`, whose value may follow.
_UPDATE = re.compile(r"-[uvx]*U[uvx]*d?")
_VERBOSE = re.compile(r"-v+|--verbose")


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands before the first word that is no option, by who takes it."""

    of_root: list[str] = field(default_factory=list)
    of_serve: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def modern(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the command line in our order, and what to tell about an old form."""
    words = _update(arguments)
    if words is not None:
        return words, f"`-U` is `pypitool {shlex.join(words)}`: please write it so"
    head, rest = _split(list(arguments))
    word = rest[0] if rest else None
    if head.unknown or not (head.of_serve or word or _is_verbose(head.of_root)):
        return list(arguments), None
    if word is not None and ALIASES.get(word, word) == "serve":
        return [*head.of_root, word, *head.of_serve, *rest[1:]], None
    if word in command_names() or not (head.of_serve or word is None or _is_directory(word)):
        return list(arguments), None
    words = [*head.of_root, "serve", *head.of_serve, *rest]
    return words, f"without a command this is `pypitool {shlex.join(words)}`: please write it so"


def _update(words: Sequence[str]) -> list[str] | None:
    """Return the line without its `-U`, which may stand in a cluster: `-Ux`, `-vU`."""
    for place, word in enumerate(words):
        if word in command_names() or word in ALIASES:
            return None
        if _UPDATE.fullmatch(word):
            others = [f"-{word[1:].replace('U', '')}"] if len(word) > len("-U") else []
            return ["update", *words[:place], *others, *words[place + 1 :]]
    return None


def _is_verbose(words: Sequence[str]) -> bool:
    """Tell whether there is nothing but the one flag of pypi-server that all our commands have."""
    return bool(words) and all(_VERBOSE.fullmatch(word) for word in words)


def _is_directory(word: str | None) -> bool:
    return word is not None and ("/" in word or word in (".", "..") or os.path.isdir(word))


def _split(words: list[str]) -> tuple[_Head, list[str]]:
    head = _Head()
    while words and words[0].startswith("-") and words[0] not in ("-", "--"):
        length, found = _taker(words[0], head)
        found.extend(words[:length])
        words = words[length:]
    return head, words


def _taker(word: str, head: _Head) -> tuple[int, list[str]]:
    """Say how many words an option takes up, and whose it is. `serve` is imported only where it may be
    the one: `pypitool --version` must not wait for it."""
    length = _length(word, _flags(root))
    if length:
        return length, head.of_root
    length = _length(word, _flags(_serve()))
    return (length, head.of_serve) if length else (1, head.unknown)


def _serve() -> click.Command:
    command = root.get_command(click.Context(root), "serve")
    assert command is not None, "serve is a command"
    return command


def _flags(command: click.Command) -> dict[str, bool]:
    """Return every flag of a command, and whether a value follows it."""
    # With its settings: click keeps the help option that it makes for the first context.
    context = click.Context(command, **command.context_settings)
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    return {
        flag: not (one.is_flag or one.count) for one in options for flag in (*one.opts, *one.secondary_opts)
    }


def _length(word: str, flags: Mapping[str, bool]) -> int:
    """Return how many words an option and its value take; 0 when it is not among these flags."""
    if word.startswith("--"):
        name, equals, _ = word.partition("=")
        return 0 if name not in flags else 1 + (flags[name] and not equals)
    return _cluster_length(word, flags)


def _cluster_length(word: str, flags: Mapping[str, bool]) -> int:
    # `-vo`, `-p8081`, `-vp 8081`: the first that takes a value takes what is left of the word.
    for place, letter in enumerate(word[1:], start=1):
        takes_value = flags.get(f"-{letter}")
        if takes_value is None:
            return 0
        if takes_value:
            return 1 + (place == len(word) - 1)
    return 1


BACKEND = {"--backend": "files are found by events and kept in a catalogue"}


def accept_and_warn(flags: Mapping[str, str]) -> Callable[[Any], Any]:
    """Give a command flags that do nothing, with why."""

    def decorate(function: Any) -> Any:
        for flag, why in reversed(tuple(flags.items())):
            function = option(
                flag,
                metavar="TEXT",
                expose_value=False,
                callback=_warning(flag, why),
                topic="Accepted from pypi-server, without effect",
                help=f"{why[:1].upper()}{why[1:]}.",
            )(function)
        return function

    return decorate


def _warning(flag: str, why: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).notices.append(f"`{flag}` has no effect: {why}")

    return callback
