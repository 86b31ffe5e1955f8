"""Read the configuration: flags over variables over files over defaults, all faults at once.

What is left of a configuration without its faults: for who looks at it, never for who serves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pypitool.config.config_files import SYSTEM_FILE, candidate_files, named_file
from pypitool.config.cross_rules import Operands, settle, table_faults
from pypitool.config.faults import Fault, refusal
from pypitool.config.keys import Array, Key, arrays, build, entries, families, shapes
from pypitool.config.layers import (
    Layer,
    Origin,
    document_layer,
    flags_layer,
    gather,
    header_lines,
    variables_layer,
)
from pypitool.config.settings import Settings
from pypitool.config.toml import parse_toml


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings that count, where each came from, and what to tell about them."""

    settings: Settings
    origins: Mapping[str, Origin]
    notices: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def load_settings(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    *,
    system_file: Path = SYSTEM_FILE,
    operands: Operands | None = None,
    tolerated: list[Fault] | None = None,
) -> Loaded:
    """Return the settings, or raise `BadConfiguration` with every fault.

    `flags` has parsed values by the path of their key (`{"server.port": 8081}`). Each key counts from the
    strongest source that has it: a flag, a PYPITOOL_ variable, `config_file` (else PYPITOOL_CONFIG), the
    user's file, the system's file, its default. `operands` judges the command lines of jobs.

    With `tolerated` nothing is raised: faults are added to it, and what is faulty has its default.
    """
    here = Path.cwd()
    candidates = candidate_files(environ, config_file, system_file=system_file)
    named = named_file(environ, config_file)
    files = tuple(file for file in candidates if file == named or os.path.lexists(file))
    layers = [
        *(_file_layer(file) for file in files),
        variables_layer(environ, here),
        flags_layer(flags, here),
    ]
    gathered = gather(layers)
    settled = settle(gathered.given)
    faults = [fault for layer in layers for fault in layer.faults]
    faults += [*settled.faults, *table_faults(gathered, {fault.path for fault in faults}, operands)]
    if faults and tolerated is None:
        raise refusal(faults)
    names: Mapping[str, Any] = {one.table: gathered.names(one.table) for one in shapes()}
    lines: Mapping[str, Any] = {array.table: gathered.lines_of(array) for array in arrays()}
    if tolerated is not None:
        tolerated += faults
        names, lines = whole_names(settled.values, names), whole_lines(settled.values, lines)
    origins = {path: one.origin for path, one in gathered.given.items()}
    return Loaded(build(settled.values, names, lines), origins, settled.notices, files)


def _file_layer(file: Path) -> Layer:
    try:
        text = file.read_text(encoding="utf-8")
        document = parse_toml(text)
    except OSError as fault:
        return Layer({}, (Fault(str(file), "", f"cannot be read: {fault.strerror}"),))
    except ValueError as fault:  # both TOMLDecodeError and UnicodeDecodeError
        return Layer({}, (Fault(str(file), "", f"is not TOML: {_lowered(fault)}"),))
    return document_layer(document, str(file), file.parent, header_lines(text))


def _lowered(fault: Exception) -> str:
    text = str(fault)
    return text[:1].lower() + text[1:]


L = TypeVar("L")


def whole_names(values: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return the names of the tables and keys that have everything that they need."""
    left = dict(names)
    for family in families():
        left[family.table] = [name for name in left[family.table] if _is_whole(values, family.keys(name))]
    for one in entries():
        left[one.table] = [name for name in left[one.table] if one.key(name).path in values]
    return left


def whole_lines(values: Mapping[str, Any], lines: Mapping[str, Sequence[L]]) -> dict[str, Sequence[L]]:
    """Return the tables of arrays; of one that is not whole none: a part of the rules is other rules."""
    is_whole = {array.table: _array_is_whole(values, array, len(lines[array.table])) for array in arrays()}
    return {table: found if is_whole[table] else () for table, found in lines.items()}


def _array_is_whole(values: Mapping[str, Any], array: Array, count: int) -> bool:
    return all(_is_whole(values, array.keys(number)) for number in range(1, count + 1))


def _is_whole(values: Mapping[str, Any], own: Sequence[Key]) -> bool:
    return all(key.path in values for key in own if key.demanded)
