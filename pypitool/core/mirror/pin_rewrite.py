"""Rewriting pins and hashes of a requirements file in place: everything else stays byte for byte.

What a new release needs and no line names is added below its pin; no line is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.versions import parsed


@dataclass(frozen=True, slots=True)
class NewPin:
    """What a project is to be pinned to."""

    have: Version
    new: str
    sha256: Sequence[str]  # of every file of the new release


@dataclass(frozen=True, slots=True)
class AddedPin:
    """A project that new releases need, and that no line names."""

    name: NormalizedName
    version: str
    needed_by: frozenset[NormalizedName]  # it stands below the first of them
    marker: str | None = None
    sha256: Sequence[str] = ()  # of every file of the release


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text of a file, and the projects whose pins changed in it, or were added to it."""

    text: str
    projects: frozenset[NormalizedName]
    added: frozenset[NormalizedName] = frozenset()


_PIN = re.compile(
    r"(?P<before>[ \t]*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"[ \t]*(?:\[[^\]]*\])?[ \t]*\(?[ \t]*===?[ \t]*)(?P<version>[A-Za-z0-9.!+_-]+)",
)
_HASH = re.compile(r"""--hash[= ]\s*(["']?)[A-Za-z0-9]+:[0-9a-fA-F]+\1""")


def rewrite_pins(
    text: str, pins: Mapping[NormalizedName, NewPin], added: Sequence[AddedPin] = ()
) -> Rewritten:
    """Replace the `==` pins of these projects and the hashes that follow them, and add what they need."""
    changed: set[NormalizedName] = set()
    lines = _logical_lines(text)
    adding = _Adding(added, _line_end(text), _hash_separator(lines))
    rewritten: list[str] = []
    below: list[str] = []  # the pin that was last seen, which its comments follow
    for line in lines:
        if below and not _is_indented_comment(line):
            _append(rewritten, below, adding.end)
            below = []
        rewritten.append(_rewrite_line(line, pins, changed))
        if (found := _PIN.match(line)) is not None:
            below = list(adding.below(canonicalize_name(found["name"])))
    _append(rewritten, below, adding.end)
    return Rewritten("".join(rewritten), frozenset(changed), frozenset(adding.placed))


@dataclass(slots=True)
class _Adding:
    """The lines to be added; each stands once, below the first pin that needs it."""

    added: Sequence[AddedPin]
    end: str  # of a line
    separator: str | None  # before a hash; None: no pin of the file has one
    placed: set[NormalizedName] = field(default_factory=set)

    def below(self, project: NormalizedName) -> Iterator[str]:
        """Yield what a project needs, each followed by what itself needs."""
        for pin in self.added:
            if project in pin.needed_by and pin.name not in self.placed:
                self.placed.add(pin.name)
                yield self._line(pin, project)
                yield from self.below(pin.name)

    def _line(self, pin: AddedPin, needed_by: NormalizedName) -> str:
        marker = f" ; {pin.marker}" if pin.marker else ""
        hashes = [] if self.separator is None else [f"--hash=sha256:{each}" for each in sorted(pin.sha256)]
        text = (self.separator or "").join((f"{pin.name}=={pin.version}{marker}", *hashes))
        return f"{text}  # needed by {needed_by}{self.end}"


def _append(lines: list[str], below: Sequence[str], end: str) -> None:
    """Add lines; where the file ends without a line end it still does."""
    if below and lines[-1].splitlines()[-1:] == lines[-1].splitlines(keepends=True)[-1:]:
        lines[-1] = lines[-1].removesuffix("\\")  # a backslash at the very end continues nothing
        lines.append(end)
        lines.extend(below)
        lines[-1] = lines[-1].removesuffix(end)
    else:
        lines.extend(below)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _is_indented_comment(line: str) -> bool:
    # As tools write below a pin who needs it; a comment at the margin speaks of what follows.
    return line[:1] in (" ", "\t") and line.lstrip().startswith("#")


def _hash_separator(lines: Sequence[str]) -> str | None:
    """Return what stands before the hashes of the first pin that has some."""
    for line in lines:
        pin = _PIN.match(line)
        rest = line[pin.end() :] if pin is not None else ""
        if (first := _HASH.search(_without_comment(rest))) is not None:
            return _separator(rest[: first.start()])
    return None


def _logical_lines(text: str) -> list[str]:
    joined: list[str] = []
    continues = False
    for line in text.splitlines(keepends=True):
        if continues:
            joined[-1] += line
        else:
            joined.append(line)
        # As the parser: a comment line never continues.
        continues = line.rstrip("\r\n").endswith("\\") and not line.lstrip().startswith("#")
    return joined


def _rewrite_line(line: str, pins: Mapping[NormalizedName, NewPin], changed: set[NormalizedName]) -> str:
    found = _PIN.match(line)
    if found is None:
        return line
    project = canonicalize_name(found["name"])
    pin = pins.get(project)
    if pin is None or not _is_version(found["version"], pin.have):
        return line
    changed.add(project)
    rest = line[found.end("version") :]
    return found["before"] + pin.new + _with_hashes(rest, pin.sha256)


def _is_version(text: str, have: Version) -> bool:
    return parsed(text) == have


def _with_hashes(rest: str, digests: Sequence[str]) -> str:
    found = list(_HASH.finditer(_without_comment(rest)))
    if not found:
        return rest
    first, last = found[0], found[-1]
    # What stood between two hashes (a blank, or backslash, line end and indentation) stands between the new.
    between = rest[first.end() : found[1].start()] if len(found) > 1 else _separator(rest[: first.start()])
    hashes = between.join(f"--hash=sha256:{digest}" for digest in sorted(digests))
    return rest[: first.start()] + hashes + rest[last.end() :]


def _separator(before: str) -> str:
    continuation = re.search(r"[ \t]*\\\r?\n[ \t]*\Z", before)
    return continuation[0] if continuation else " "


def _without_comment(rest: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", lambda found: " " * len(found[0]), rest)
