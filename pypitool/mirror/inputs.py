"""Reading what a set wants: requirements files with what they include, and locks."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.limits import INPUT_DEPTH
from pypitool.core.mirror.input_place import InputPlace, place_beside
from pypitool.core.mirror.lock_kinds import may_be_lock
from pypitool.core.mirror.lock_limits import LockLimits, Misfit
from pypitool.core.mirror.requirement_lines import (
    FileOption,
    IgnoredOption,
    Include,
    LineFault,
    LinePosition,
    RequirementLine,
    Statement,
    parse_lines,
)
from pypitool.core.mirror.selection import Formats, is_pin
from pypitool.core.mirror.targets import Target
from pypitool.mirror.lock_inputs import LockText, read_lock
from pypitool.mirror.web_inputs import InputNotFetched, NoInputCopy
from pypitool.upstream.upstream_errors import redacted

COMMAND_LINE = "command line"

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# PEP 263, which pip reads in requirements files too.
_DECLARED = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)

# Python's own codecs in which no file is written; what one of 16 MiB says in punycode takes days to read.
_NO_ENCODINGS = frozenset(("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"))

_PYLOCK_NAME = re.compile(r"(?:\A|/)pylock\.(?:[^./]+\.)?toml\Z")  # PEP 751


class InputFaults(PypitoolError):
    """Lines and files that cannot be used, all of them at once."""

    kind = Kind.INVALID
    faults: Sequence[LineFault]

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read, and what it held: the stamp of an unchanged set."""

    path: str  # or the address
    sha256: str


@dataclass(frozen=True)
class Inputs:
    """Everything that a set or a command line asks for."""

    wanted: tuple[RequirementLine, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()
    formats: Formats = Formats()
    prereleases: bool = False
    require_hashes: bool = False
    warnings: tuple[str, ...] = ()
    files: tuple[InputFile, ...] = ()
    locks: tuple[LockLimits, ...] = ()  # what the lock files among them are for

    def misfits(self, target: Target) -> tuple[Misfit, ...]:
        """Return what the locks ask of a target that it is not: then nothing of them is for it."""
        return tuple(misfit for lock in self.locks if (misfit := lock.misfit(target)) is not None)

    def pin_of(self, wanted: RequirementLine, target: Target) -> SpecifierSet:
        """Return what limits a line for a target: its own specifier, and the constraints on its project."""
        specifier = wanted.requirement.specifier
        for constraint in self._limits.get(canonicalize_name(wanted.requirement.name), ()):
            if target.applies(constraint.marker):
                specifier &= constraint.specifier
        return specifier

    @property
    def words(self) -> tuple[RequirementLine, ...]:
        """The lines that stand in no file."""
        return tuple(line for line in self.wanted if line.source.file == COMMAND_LINE)

    def unpinned(self, targets: Sequence[Target]) -> tuple[RequirementLine, ...]:
        """Return the lines that do not name exactly one version for each target that they concern."""
        return tuple(
            line
            for line in self.wanted
            if not all(
                is_pin(self.pin_of(line, target))
                for target in targets
                if target.applies(line.requirement.marker)
            )
        )

    @cached_property
    def _limits(self) -> Mapping[NormalizedName, Sequence[Requirement]]:
        limits: dict[NormalizedName, list[Requirement]] = defaultdict(list)
        for constraint in self.constraints:
            limits[canonicalize_name(constraint.requirement.name)].append(constraint.requirement)
        return limits


# Returns what stands at an address; the second is that of the file that names it, if it has one.
Fetch = Callable[[str, str | None], bytes]


@dataclass(slots=True)
class _Reading:
    environ: Mapping[str, str]
    fetch: Fetch | None
    wanted: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    only_binary: set[str] = field(default_factory=set)
    no_binary: set[str] = field(default_factory=set)
    switches: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)
    files: dict[str, InputFile] = field(default_factory=dict)
    locks: list[LockLimits] = field(default_factory=list)
    was_read: set[tuple[InputPlace, bool, bool]] = field(default_factory=set)  # each as what


def read_inputs(
    *,
    requirements: Sequence[InputPlace] = (),
    constraints: Sequence[InputPlace] = (),
    locks: Sequence[InputPlace] = (),
    lines: Sequence[str] = (),
    require_hashes: bool = False,
    environ: Mapping[str, str] | None = None,
    fetch: Fetch | None = None,
) -> Inputs:
    """Read files and command-line requirements, or raise `InputFaults` with every fault in them."""
    reading = _Reading(os.environ if environ is None else environ, fetch)
    for path in requirements:
        _read_file(reading, path)
    for path in constraints:
        _read_file(reading, path, as_constraints=True)
    for path in locks:
        _read_file(reading, path, is_lock=True)
    for statement in parse_lines("\n".join(lines), COMMAND_LINE, {}):
        _take(reading, statement, None, False, ())
    inputs = _finished(reading, require_hashes)
    _check_hashes(inputs, reading)
    if reading.faults:
        raise InputFaults(reading.faults)
    return inputs


def _finished(reading: _Reading, require_hashes: bool) -> Inputs:
    # pip: one line with a hash demands hashes of all; we demand them only when asked, because a line
    # without one is still checked against the sha256 of the upstream's page.
    return Inputs(
        wanted=tuple(reading.wanted),
        constraints=tuple(reading.constraints),
        formats=Formats(frozenset(reading.only_binary), frozenset(reading.no_binary)),
        prereleases="pre" in reading.switches,
        require_hashes=require_hashes or "require-hashes" in reading.switches,
        warnings=tuple(reading.warnings),
        files=tuple(reading.files.values()),
        locks=tuple(reading.locks),
    )


def _check_hashes(inputs: Inputs, reading: _Reading) -> None:
    if inputs.require_hashes:
        reading.faults.extend(
            LineFault(f"{line.requirement.name} has no --hash, and hashes are required", line.source)
            for line in inputs.wanted
            if not line.hashes
        )


def _read_file(
    reading: _Reading,
    place: InputPlace,
    *,
    as_constraints: bool = False,
    is_lock: bool = False,
    including: tuple[InputPlace, ...] = (),
) -> None:
    resolved = place if isinstance(place, str) else place.resolve()
    if resolved in including:
        chain = " -> ".join(_shown(each) for each in (*including, resolved))
        reading.faults.append(LineFault(f"files include each other: {chain}", LinePosition(_shown(place), 1)))
        return
    if len(including) >= INPUT_DEPTH.most:
        reason = f"is included by more than {INPUT_DEPTH.most - 1} files, one within the other"
        reading.faults.append(LineFault(reason, LinePosition(_shown(place), 1)))
        return
    # Again it would say the same; and files that name each other twice are more readings than will ever end.
    if (resolved, as_constraints, is_lock) in reading.was_read:
        return
    reading.was_read.add((resolved, as_constraints, is_lock))
    text = _text(reading, place, including[-1] if including else None)
    if text is None:
        return
    if is_lock or _is_lock(text, _shown(place)):
        path = None if isinstance(place, str) else place
        _take_lock(reading, LockText(text, _shown(place), path), as_constraints)
        return
    # What was fetched must not send variables of ours to an address that it names.
    environ: Mapping[str, str] = {} if isinstance(place, str) else reading.environ
    for statement in parse_lines(text, _shown(place), environ):
        _take(reading, statement, place, as_constraints, (*including, resolved))


def _shown(place: InputPlace) -> str:
    return redacted(place) if isinstance(place, str) else str(place)


def _take(
    reading: _Reading,
    statement: Statement,
    place: InputPlace | None,
    as_constraints: bool,
    including: tuple[InputPlace, ...],
) -> None:
    if isinstance(statement, LineFault):
        reading.faults.append(statement)
    elif isinstance(statement, RequirementLine):
        (reading.constraints if as_constraints else reading.wanted).append(statement)
    elif isinstance(statement, IgnoredOption):
        reading.warnings.append(str(statement))
    elif isinstance(statement, FileOption):
        _take_option(reading, statement)
    elif isinstance(statement, Include):
        _follow(reading, statement, place, as_constraints, including)


def _take_option(reading: _Reading, option: FileOption) -> None:
    if option.name in ("only-binary", "no-binary"):
        names = reading.only_binary if option.name == "only-binary" else reading.no_binary
        names.update(format_names(option.value))
        if ":none:" in names:
            names.clear()
    else:
        reading.switches.add(option.name)


def combined_formats(formats: Formats, only_binary: Sequence[str], no_binary: Sequence[str]) -> Formats:
    """Add the flags of a command line to what files say."""
    return Formats(
        formats.only_binary | {name for value in only_binary for name in format_names(value)},
        formats.no_binary | {name for value in no_binary for name in format_names(value)},
    )


def format_names(value: str) -> Iterator[str]:
    """Split the value of --only-binary or --no-binary: `:all:`, `:none:` or names of projects."""
    for word in value.split(","):
        if word.strip():
            yield word.strip() if word.strip().startswith(":") else canonicalize_name(word.strip())


def _follow(
    reading: _Reading,
    include: Include,
    place: InputPlace | None,
    as_constraints: bool,
    including: tuple[InputPlace, ...],
) -> None:
    target = place_beside(place, include.path)
    if isinstance(target, Path) and not target.is_file():
        reading.faults.append(LineFault(f"{include.path} is not a file", include.source))
        return
    _read_file(reading, target, as_constraints=as_constraints or include.constraints, including=including)


def _text(reading: _Reading, place: InputPlace, including: InputPlace | None = None) -> str | None:
    body = _body(reading, place, including)
    if isinstance(body, LineFault):
        reading.faults.append(body)
        return None
    reading.files[str(place)] = InputFile(str(place), hashlib.sha256(body).hexdigest())
    try:
        mark, encoding = encoding_of(body)
        return body[len(mark) :].decode(encoding)
    except (UnicodeError, LookupError) as error:
        reading.faults.append(LineFault(f"is not text: {error}", LinePosition(_shown(place), 1)))
        return None


def _body(reading: _Reading, place: InputPlace, including: InputPlace | None) -> bytes | LineFault:
    if isinstance(place, Path):
        try:
            return place.read_bytes()
        except OSError as error:
            return LineFault(f"cannot be read: {error.strerror}", LinePosition(str(place), 1))
    if reading.fetch is None:
        return LineFault("addresses are not read here", LinePosition(_shown(place)))
    try:
        return reading.fetch(place, including if isinstance(including, str) else None)
    except (InputNotFetched, NoInputCopy) as error:
        return LineFault(str(error), None)


def encoding_of(body: bytes) -> tuple[bytes, str]:
    """Return the byte order mark of a file of requirements, which may be empty, and its encoding."""
    for mark, encoding in _ENCODINGS:
        if body.startswith(mark):
            return mark, encoding
    head = b"\n".join(body.split(b"\n", 2)[:2])
    declared = _DECLARED.search(head)
    return b"", _known(declared[1].decode("ascii")) if declared else "utf-8"


def _known(encoding: str) -> str:
    if codecs.lookup(encoding).name in _NO_ENCODINGS:
        raise LookupError(f"unknown encoding: {encoding}")
    return encoding


def _is_lock(text: str, name: str) -> bool:
    # By its content: people keep locks under any name. What is named as a lock is judged as one, too.
    return may_be_lock(text) or _PYLOCK_NAME.search(name) is not None


def _take_lock(reading: _Reading, lock: LockText, as_constraints: bool) -> None:
    lines = read_lock(lock, reading.environ)
    if lines.project is not None:
        _text(reading, lines.project)
    (reading.constraints if as_constraints else reading.wanted).extend(lines.pins)
    reading.faults.extend(lines.faults)
    if lines.limits is not None and not as_constraints:
        reading.locks.append(lines.limits)
