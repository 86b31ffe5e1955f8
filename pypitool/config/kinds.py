"""The kinds of value that a key can have: how each is read from TOML and from text, and written back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pypitool.config import checks, table_checks
from pypitool.config.values import (
    boolean,
    boolean_text,
    choice,
    comma_list,
    host_only,
    inline_table,
    integer,
    integer_text,
    masked,
    path_list,
    string,
)
from pypitool.core.text import duration_text, size_text


def _same(value: Any) -> Any:
    return value


def _text(value: object) -> str:
    return str(value)


def _texts(values: tuple[object, ...]) -> list[str]:
    return [str(value) for value in values]


def _span_text(seconds: float) -> str:
    return duration_text(seconds) if seconds else "0"


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
    mask: Callable[[str], str] = masked  # what of it is never printed

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
    "keep": ValueKind("DURATION", checks.keep, to_toml=duration_text),
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
    "span": ValueKind("DURATION", checks.span, to_toml=_span_text),
    "some_span": ValueKind("DURATION", checks.some_span, to_toml=duration_text),
    "index": ValueKind("URL", table_checks.index),
    "connections": _number(1, 16),
    "retries": _number(0, 100),
    "auth": ValueKind("TABLE", table_checks.upstream_auth, inline_table, table_checks.upstream_auth_table),
    "remote_auth": ValueKind("TABLE", table_checks.remote_auth, inline_table, table_checks.remote_auth_table),
    "python": ValueKind("VERSION", checks.python),
    "platform": ValueKind("TAG", checks.platform),
    "implementation": _words("cp", "pp"),
    "abis": _list_of("ABI", checks.abis),
    "markers": ValueKind("TABLE", checks.markers, inline_table, dict),
    # The words of these are those of pypitool.mirror's own enumerations: a test compares them.
    "files": _words("wheel-else-sdist", "wheel", "wheel+sdist", "all"),
    "yanked": _words("pinned", "never"),
    "copied_in": _words("match", "never"),
    "closure": _words("check", "resolve", "off"),
    "notify_on": _words("failure", "change", "always"),
    "inputs": _list_of("FILE", checks.inputs),
    "names": _list_of("NAME", checks.names),
    "run": ValueKind("COMMAND", checks.run, to_toml=checks.line),
    "cron": ValueKind("CRON", checks.cron),
    "timezone": ValueKind("ZONE", checks.timezone),
    "webhook": ValueKind("URL", checks.url, mask=host_only),
    "command": ValueKind("COMMAND", checks.command, to_toml=checks.line),
    "who": _list_of("WHO", table_checks.who),
    "members": _list_of("WHO", table_checks.members),
    "rights": _list_of("RIGHT", table_checks.rights),
    "project_globs": _list_of("GLOB", table_checks.project_globs),
    "addresses": _list_of("NETWORK", table_checks.addresses),
    "publisher_name": ValueKind("NAME", table_checks.publisher_name),
    "issuer": ValueKind("URL", table_checks.issuer),
    "claims": ValueKind("TABLE", table_checks.claims, inline_table, table_checks.claims_table),
    "minted_span": ValueKind("DURATION", table_checks.minted_span, to_toml=duration_text),
}
