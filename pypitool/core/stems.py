"""Where a name ends and a version begins in file names that were made before there was a rule."""

from __future__ import annotations

import re

from pypitool.core.versions import parsed

# A piece such as `1.0`, `v2.1`, `1!3`: no project's name has one behind a dash, nearly.
_DOTTED = re.compile(r"v?[0-9]+[.!].*", re.IGNORECASE | re.ASCII)
_NUMBERED = re.compile(r"v?[0-9].*", re.IGNORECASE | re.ASCII)


def split_stem(stem: str) -> tuple[str, str] | None:
    """Split `name-version`, or return None where no piece can be a version.

    PEP 625 names hold one dash and are certain. In older ones both halves may hold more:
    `A100-200-XYZ-1.2.3`, `flup-1.0.3.dev-20110405`, `package-1.0.0-alpha.1`, `foo-0.5-acme-1`.
    """
    pieces = stem.split("-")
    dotted = _first(_DOTTED, pieces)
    if dotted is not None and parsed(_from(pieces, dotted)):
        return _split(pieces, dotted)
    last = len(pieces) - 1
    # A last piece without a dot is a version only when no better one stands before it.
    if last and parsed(pieces[last]) and (dotted is None or _DOTTED.fullmatch(pieces[last])):
        return _split(pieces, last)
    numbered = dotted if dotted is not None else _first(_NUMBERED, pieces)
    return None if numbered is None else _split(pieces, numbered)


def _first(pattern: re.Pattern[str], pieces: list[str]) -> int | None:
    found = (number for number, piece in enumerate(pieces) if number and pattern.fullmatch(piece))
    return next(found, None)


def _split(pieces: list[str], at: int) -> tuple[str, str]:
    return "-".join(pieces[:at]), _from(pieces, at)


def _from(pieces: list[str], at: int) -> str:
    return "-".join(pieces[at:])
