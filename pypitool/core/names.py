"""Project names: which are valid, which are the same, and which a glob means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import printable

# Core metadata, "Name": "^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$ run with re.IGNORECASE".
# ASCII besides, or IGNORECASE lets the Kelvin sign pass for a k.
_VALID = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)


class InvalidName(PypitoolError):
    """A text that cannot be the name of a project."""

    kind = Kind.INVALID
    hint = "names are ASCII letters, digits, `.`, `_` and `-`, with a letter or digit at both ends"
    name: str

    def __str__(self) -> str:
        return f"`{printable(self.name)}` is not a valid project name"


def is_valid_name(name: str) -> bool:
    """Tell whether `name` may be the name of a project."""
    return _VALID.fullmatch(name) is not None


def normalize(name: str) -> NormalizedName:
    """Return the one spelling by which a project is known everywhere (PEP 503)."""
    if not is_valid_name(name):
        raise InvalidName(name)
    return canonicalize_name(name)


def matches(name: NormalizedName, globs: Iterable[str]) -> bool:
    """Tell whether one of `globs` means `name`; they are normalised as names are."""
    return any(fnmatchcase(name, glob_pattern(glob)) for glob in globs)


def glob_pattern(glob: str) -> str:
    """Write a glob of names as fnmatch reads it."""
    # fnmatch would read a bracket as a set of characters: globs of names know `*` and `?` only.
    return canonicalize_name(glob.strip()).replace("[", "[[]")
