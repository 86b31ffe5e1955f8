"""Trusted publishers: which of them a signed claim is about, and what it may."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pypitool.core.text import printable

if TYPE_CHECKING:
    # What reads a configuration does not pay for the rules.
    from pypitool.core.rights.rulebook import Scope

ClaimValue = str | bool | int | float
Claims = tuple[tuple[str, tuple[ClaimValue, ...]], ...]

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Publisher:
    """One `[[publisher]]`."""

    name: str
    issuer: str
    claims: Claims
    projects: tuple[str, ...]
    scope: Scope
    life: float  # seconds
    ca: PurePath | None = None

    def matches(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether what an issuer says is about this publisher."""
        return claims.get("iss") == self.issuer and all(
            name in claims and any(_is_meant(value, claims[name]) for value in values)
            for name, values in self.claims
        )


def publisher_of(publishers: Iterable[Publisher], claims: Mapping[str, Any]) -> Publisher | None:
    """Return the first publisher that matches, in the order of the file."""
    return next((publisher for publisher in publishers if publisher.matches(claims)), None)


def claims_seen(publishers: Iterable[Publisher], claims: Mapping[str, Any]) -> str:
    """Return what an issuer said, as far as the publishers of it care: for who set up the CI."""
    asked = [name for one in publishers if one.issuer == claims.get("iss") for name, _ in one.claims]
    names = dict.fromkeys(["iss", "sub", *asked])
    values = {name: printable(_text(claims[name]), _LONGEST_SHOWN) for name in names if name in claims}
    return ", ".join(f"{name} = {values[name]}" if name in values else f"no {name}" for name in names)


def _is_meant(wanted: ClaimValue, said: object) -> bool:
    # "strings are compared exactly, `*` any characters; others by their JSON form"
    if isinstance(wanted, str):
        return _fits(wanted, _text(said))
    return _text(wanted) == _text(said)


def _fits(glob: str, text: str) -> bool:
    """Tell whether a text is what a glob means: its parts in order, the first and the last at the ends.

    Each part is looked for once, behind the one before: a pattern would try all places for all of them.
    """
    first, *parts = glob.split("*")
    if not parts:
        return text == first
    *parts, last = parts
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)
