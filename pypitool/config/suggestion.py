"""The word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggested(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like `word`, if one does."""
    from difflib import get_close_matches

    spelled = word.lower().replace("_", "-")
    return next(iter(get_close_matches(spelled, tuple(candidates), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return the end of a sentence that asks for the probable word, or nothing."""
    close = suggested(word, candidates)
    return f", did you mean `{close}`?" if close else ""
