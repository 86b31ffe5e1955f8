"""What may leave the house, and what never does."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import NormalizedName

from pypitool.core.names import matches


def is_private(name: NormalizedName, globs: Iterable[str]) -> bool:
    """Tell whether a project is never asked for anywhere else, whatever the fallback is."""
    return matches(name, globs)
