"""Texts of strangers, made fit for a message."""

from __future__ import annotations


def printable(text: str, limit: int = 120) -> str:
    """Return `text` fit for a message: on one line, ASCII, and not endless."""
    shown = text.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= limit else f"{shown[:limit]}..."
