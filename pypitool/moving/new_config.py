"""The configuration that a move comes to: its text, and its file, which is never written over another one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pypitool.config.display import literal
from pypitool.config.keys import Key
from pypitool.config.loader import load_settings
from pypitool.config.settings import keys
from pypitool.config.values import BadValue
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.moving.move_plan import Left, MovePlan, OldSetting
from pypitool.core.moving.pypi_server_words import PACKAGES

_NEEDED = ("auth.passwords", "server.welcome")


class ConfigurationThere(PypitoolError):
    """There is a configuration already, and it is another one."""

    kind = Kind.CONFLICT
    sentence = "{path} is there with other settings, and stays as it is; all else is done"
    hint = "compare it with the plan, or write these settings elsewhere with `--write FILE`"
    path: Path


class ConfigurationUnwritable(PypitoolError):
    """The configuration cannot be written there."""

    kind = Kind.INVALID
    sentence = "cannot write {path}: {reason}"
    hint = "name another place with `--write FILE`; all else is done"
    path: Path
    reason: str


def configuration(plan: MovePlan) -> tuple[str, tuple[Left, ...]]:
    """Return the text of the file for a plan, and which of its settings cannot be taken."""
    left: list[Left] = []
    lines = [f"# Written by `pypitool migrate {plan.program.value}`."]
    section = ""
    for key, value, because in _values(plan, left):
        if key.section != section:
            section = key.section
            lines += ["", f"[{section}]"]
        lines.append(f"{key.name} = {literal(key, value)}{f'  # {because}' if because else ''}")
    text = "\n".join(lines) + "\n"
    return text, (*left, *_absent(plan), *_refused(text))


def _values(plan: MovePlan, left: list[Left]) -> Iterator[tuple[Key, Any, str]]:
    given = {one.path: one for one in plan.given}  # the last of several, as on a command line
    for key in keys():
        if key.path == PACKAGES:
            yield key, tuple(map(Path, plan.packages)), ""
        elif key.path in given:
            one = given[key.path]
            try:
                yield key, key.kind.parse(one.text), _comment(one)
            except BadValue as error:
                left.append(Left(one.because, str(error)))


def _comment(one: OldSetting) -> str:
    return one.because if one.because.isprintable() else ""


def _absent(plan: MovePlan) -> Iterator[Left]:
    for one in plan.given:
        if one.path in _NEEDED and one.text != "." and not os.path.isfile(one.text):
            yield Left(one.because, f"{one.text} is not on this machine yet, and the server needs it")


def _refused(text: str) -> Iterator[Left]:
    """Say what the settings demand of each other and do not get."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(text, encoding="utf-8")
        faults: list[Any] = []
        load_settings({}, {}, file, system_file=Path(folder) / "none", tolerated=faults)
    yield from (Left(fault.path, f"the server refuses this: {fault.message}") for fault in faults)


def what_becomes_of(path: Path, text: str) -> str:
    """Say beforehand what becomes of the file."""
    if not os.path.lexists(path):
        return f"write {path}"
    return f"keep {path}, which has {'these' if _has(path, text.encode()) else 'other'} settings"


def write_configuration(path: Path, text: str) -> bool:
    """Write the file if there is none; False: it is there, with the same bytes."""
    body = text.encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        if _has(path, body):
            return False
        raise ConfigurationThere(path) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise _unwritable(path, error) from error
    return True


def _has(path: Path, body: bytes) -> bool:
    try:
        return path.is_file() and path.stat().st_size == len(body) and path.read_bytes() == body
    except OSError:
        return False


def _unwritable(path: Path, error: OSError) -> ConfigurationUnwritable:
    return ConfigurationUnwritable(path, (error.strerror or str(error)).lower())
