"""Text from packages and people, made safe for a terminal."""

from __future__ import annotations

import unicodedata

# Cc: ESC begins a terminal's commands. Cf: some turn the direction of the text. Cs: cannot be encoded.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str, *, lines: bool = False) -> str:
    """Show characters that a terminal would obey instead of print; `lines` keeps line ends."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if _is_shown(character, lines=lines) else _escaped(character) for character in text
    )


def _is_shown(character: str, *, lines: bool) -> bool:
    return (lines and character == "\n") or unicodedata.category(character) not in _HIDDEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
