"""The kinds of value that a key can have: how each is read from TOML and from text, and written back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pypitool.config import checks
from pypitool.config.primitives import (
    boolean,
    boolean_text,
    choice,
    comma_list,
    integer,
    integer_text,
    path_list,
    string,
)
from pypitool.core.quantities import duration_text, size_text


def _same(value: Any) -> Any:
    return value


def _text(value: object) -> str:
    return str(value)


def _texts(values: tuple[object, ...]) -> list[str]:
    return [str(value) for value in values]


def _either(*words: str) -> Callable[[object], str]:
    return lambda value: choice(value, words)


def _between(low: int, high: int) -> Callable[[object], int]:
    return lambda value: integer(value, low, high)


@dataclass(frozen=True, slots=True)
class ValueKind:
    """One kind of value; `read` is the only judge, whatever source the value came from."""

    metavar: str
    read: Callable[[object], Any]  # what TOML holds -> the value; raises BadValue
    from_text: Callable[[str], object] = _same  # a flag or a variable -> what TOML would hold
    to_toml: Callable[[Any], object] = _same  # the value -> what TOML would hold
    choices: tuple[str, ...] = ()
    repeatable: bool = False  # as a flag

    def parse(self, text: str) -> Any:
        """Return the value that a flag or a variable means."""
        return self.read(self.from_text(text))


def _words(*words: str) -> ValueKind:
    return ValueKind("|".join(words), _either(*words), choices=words)


def _list_of(metavar: str, read: Callable[[object], Any], *, repeatable: bool = True) -> ValueKind:
    return ValueKind(metavar, read, comma_list, _texts, repeatable=repeatable)


def _number(low: int, high: int) -> ValueKind:
    return ValueKind("NUMBER", _between(low, high), integer_text)


KINDS: dict[str, ValueKind] = {
    "text": ValueKind("TEXT", string),
    "path": ValueKind("PATH", checks.path, to_toml=_text),
    "paths": ValueKind("DIR", checks.paths, path_list, _texts, repeatable=True),
    "passwords": ValueKind("FILE", checks.passwords, to_toml=_text),
    "port": _number(1, 65535),
    # One thread could only ever be in a body or in a page: at most half of them may be in bodies.
    "threads": _number(2, 4096),
    "workers": _number(1, 256),
    "seconds": ValueKind("SECONDS", _between(0, 2**31), integer_text),
    "mode": ValueKind("MODE", checks.mode, to_toml=lambda mode: f"{mode:04o}"),
    "flag": ValueKind("", boolean, boolean_text),
    "size": ValueKind("SIZE", checks.size, to_toml=size_text),
    "duration": ValueKind("DURATION", checks.duration, to_toml=duration_text),
    "url": ValueKind("URL", checks.url),
    "prefix": ValueKind("PATH", checks.prefix),
    "endpoint": ValueKind("PATH", checks.endpoint),
    "hash": ValueKind("NAME", checks.hash_name),
    "header": ValueKind("NAME", checks.header),
    "networks": _list_of("NETWORK", checks.networks),
    "globs": _list_of("GLOB", checks.globs),
    # The last -a counts, as in pypiserver: `-a . -a update` is what composed command lines look like.
    "actions": ValueKind(
        "ACTIONS", checks.actions, comma_list, lambda names: list(names) or ".", repeatable=False
    ),
    "log_format": _words("text", "json"),
    "stream": _words("stdout", "stderr", "none"),
    "level": _words("error", "warning", "info", "debug"),
}
