"""Locks as pins with hashes: a pylock (PEP 751), and uv's own beside its project; others are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName

from pypitool.config.config_files import parse_toml
from pypitool.core.json_text import parse_json
from pypitool.core.mirror.lock_kinds import LockKind, lock_kind, refusal_of
from pypitool.core.mirror.lock_limits import LockLimits
from pypitool.core.mirror.requirement_lines import LineFault, LinePosition, RequirementLine
from pypitool.mirror.uv_export import NotExported, exported, project_beside

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageDirectory, Pylock


@dataclass(frozen=True, slots=True)
class LockLines:
    """What a lock pins, and what in it cannot be used."""

    pins: tuple[RequirementLine, ...] = ()
    faults: tuple[LineFault, ...] = ()
    limits: LockLimits | None = None  # what it is for
    project: Path | None = None  # a file that says as well what the lock comes to


@dataclass(frozen=True, slots=True)
class LockText:
    """A lock as it was read."""

    text: str
    name: str  # as the user named the file
    path: Path | None  # on this machine; None: it was fetched


def read_lock(lock: LockText, environ: Mapping[str, str]) -> LockLines:
    """Return the pins of a lock of any kind; one that cannot be used is one fault."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        document = _parsed(lock.text)
        kind = lock_kind(document)
        project = project_beside(lock.path) if kind is LockKind.UV and lock.path is not None else None
        if lock.path is not None and project is not None:
            document = parse_toml(exported(lock.path, project, environ))
        elif kind not in (LockKind.PYLOCK, None):
            return _refused(lock, refusal_of(kind))
        return replace(_lines(Pylock.from_dict(document), lock), project=project)
    except NotExported as error:
        return _refused(lock, f"is a lock of uv, and {error}")
    except (ValueError, PylockValidationError) as error:
        return _refused(lock, f"is not a lock file: {error}")


def _refused(lock: LockText, reason: str) -> LockLines:
    return LockLines(faults=(LineFault(reason, LinePosition(lock.name, 1)),))


def _parsed(text: str) -> Mapping[str, Any]:
    if not text.lstrip().startswith("{"):
        return parse_toml(text)
    document = parse_json(text.encode())
    return document if isinstance(document, dict) else {}


def _lines(lock: Pylock, read: LockText) -> LockLines:
    pins: list[RequirementLine] = []
    faults: list[LineFault] = []
    for package in lock.packages:
        if package.directory is not None and _is_own(package.directory):
            continue  # what was locked is the project itself, which no index has
        line = _pin(package, LinePosition(read.name, _line_of(read.text, package.name)))
        if isinstance(line, LineFault):
            faults.append(line)
        else:
            pins.append(line)
    return LockLines(tuple(pins), tuple(faults), _limits_of(lock, read))


def _limits_of(lock: Pylock, read: LockText) -> LockLimits:
    python = None if lock.requires_python is None else str(lock.requires_python)
    environments = None if lock.environments is None else tuple(lock.environments)
    return LockLimits(PurePosixPath(read.name).name, python, environments)


def _is_own(directory: PackageDirectory) -> bool:
    # uv writes its project as `.`, and the members of its workspace as editable ones.
    return directory.editable or directory.path.rstrip("/") in ("", ".")


def _pin(package: Package, source: LinePosition) -> RequirementLine | LineFault:
    if package.vcs or package.directory or package.archive or package.version is None:
        return LineFault(f"{package.name} is not a released version", source)
    marker = f" ; {package.marker}" if package.marker else ""
    try:
        requirement = Requirement(f"{package.name}=={package.version}{marker}")
    except InvalidRequirement as error:
        return LineFault(f"{package.name}: {error}", source)
    return RequirementLine(requirement, frozenset(_hashes(package)), source)


def _hashes(package: Package) -> Iterator[str]:
    for file in (*(package.wheels or ()), *((package.sdist,) if package.sdist else ())):
        yield from (f"{name}:{value}" for name, value in file.hashes.items())


def _line_of(text: str, name: NormalizedName) -> int:
    # The TOML parser tells no lines; the first `name = "…"` of the package is good enough to find it.
    found = re.search(rf'^\s*name\s*=\s*["\']{re.escape(name)}["\']', text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
