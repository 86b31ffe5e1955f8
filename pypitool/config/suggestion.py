"""The word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggested(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like `word`, if one does."""
    from difflib import get_close_matches

    spelled = word.lower().replace("_", "-")
    return next(iter(get_close_matches(spelled, tuple(candidates), n=1, cutoff=0.6)), None)
