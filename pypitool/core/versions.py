"""The order of versions (PEP 440), with room for the older texts that it refuses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version

from pypitool.core.limits import VERSION

# Whether PEP 440 knows it, the version, and for the others their own text.
SortKey: TypeAlias = tuple[bool, Version, str]

_NUMBER = re.compile(r"[0-9]+")


def parsed(version: str) -> Version | None:
    """Return the version that PEP 440 reads in a text, or None."""
    if len(version) > VERSION.most:
        return None
    try:
        return Version(version)
    except InvalidVersion:
        return None


def printed(version: str) -> str:
    """Return a version as `packaging` prints it; what PEP 440 refuses keeps its own text."""
    known = parsed(version)
    return version if known is None else str(known)


def current_version(held: Iterable[Version]) -> Version | None:
    """Return the highest release that we hold: a pre-release only if there is nothing else."""
    versions = set(held)
    finals = {version for version in versions if not version.is_prerelease}
    return max(finals or versions, default=None)


def canonical(version: str) -> str:
    """Return a text that is equal for equal versions: `1.0`, `1.0.0` and `v1` are one."""
    # What is too long is no version: `packaging` lets int() fail at it.
    return (canonicalize_version(version) if len(version) <= VERSION.most else version).lower()


def are_readable(specifiers: SpecifierSet) -> bool:
    """Tell whether the versions in specifiers are such as a client can read: not absurdly long."""
    return all(len(one.version) <= VERSION.most for one in specifiers)


def sort_key(version: str) -> SortKey:
    """Return a key that orders versions by PEP 440; what PEP 440 refuses comes below all others."""
    known = parsed(version)
    if known is not None:
        return True, known, ""
    return False, Version("0"), _NUMBER.sub(lambda number: number[0].zfill(20), version.lower())


def sort_keys(versions: Iterable[str]) -> dict[str, SortKey]:
    """Return the key of each distinct version: a page parses a version once, not once a file."""
    return {version: sort_key(version) for version in set(versions)}


def is_final(version: str) -> bool:
    """Tell whether a version is neither a pre-release nor a text that PEP 440 refuses."""
    known = parsed(version)
    return known is not None and not known.is_prerelease


def latest(versions: Iterable[str], yanked: Collection[str] = ()) -> str | None:
    """Return the version that people mean: not yanked, then not a pre-release, then the highest."""
    return max(
        versions,
        key=lambda version: (version not in yanked, is_final(version), sort_key(version)),
        default=None,
    )
