"""Rewriting pins and hashes of a requirements file in place: everything else stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
class Rewritten:
    """The new text of a file, and the projects whose pins changed in it."""

    text: str
    projects: frozenset[NormalizedName]


_PIN = re.compile(
    r"(?P<before>[ \t]*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"[ \t]*(?:\[[^\]]*\])?[ \t]*\(?[ \t]*===?[ \t]*)(?P<version>[A-Za-z0-9.!+_-]+)",
)
_HASH = re.compile(r"--hash[= ]\s*[a-z0-9]+:[0-9a-fA-F]+")


def rewrite_pins(text: str, pins: Mapping[NormalizedName, NewPin]) -> Rewritten:
    """Replace the `==` pins of these projects, and the hashes that follow them."""
    changed: set[NormalizedName] = set()
    lines = [_rewrite_line(line, pins, changed) for line in _logical_lines(text)]
    return Rewritten("".join(lines), frozenset(changed))


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
