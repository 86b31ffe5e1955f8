"""What is secret in a text that people will read: passwords, tokens, and what a query calls so.

Most of these texts come from clients, and are long if they like: each step here is a walk from left to right,
as a test counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HIDDEN = "***"
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
# Headers that a message quotes. Quotes and blanks are one class: as several they would be tried in all ways.
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[:=][\s'\"]*(?:(?:basic|bearer|token)\s+)?)[^\s'\",]+")
_SCHEME = re.compile(r"(?i)\b(basic|bearer) [A-Za-z0-9+/_.~-]{8,}=*")
# Ours have 43 characters behind the prefix; names of ours that begin so, as those of modules, have fewer.
# In an address they may come escaped.
_OURS = "pypitool"
_TOKEN = re.compile(_OURS + r"(?:_|%5[Ff])[A-Za-z0-9_%-]{20,}", re.ASCII)
# What people type into addresses: `?token=…`, `&api_key=…`.
_SEPARATOR = re.compile(r"([?&;\s])")
_SECRET_NAMES = ("token", "passw", "secret", "key", "auth", "signature", "credential")
# As whole words of a name: `user-pass`, but not `compass`. `sig` is how clouds sign an address.
_SECRET_WORDS = frozenset({"pass", "pwd", "pw", "sig"})


def masked(text: str) -> str:
    """Hide credentials of URLs, secrets of queries, tokens of ours, and Authorization headers in a text."""
    text = _HEADER.sub(rf"\1{HIDDEN}", masked_query(masked_urls(text)))
    return masked_tokens(_SCHEME.sub(rf"\1 {HIDDEN}", text))


def masked_urls(text: str) -> str:
    """Hide the credentials of every URL in a text."""
    return _CREDENTIALS.sub(f"{HIDDEN}@", text) if "@" in text else text


def masked_tokens(text: str) -> str:
    """Hide tokens of ours, wherever they stand."""
    return _TOKEN.sub(f"{_OURS}_{HIDDEN}", text) if _OURS in text else text


def masked_query(text: str) -> str:
    """Hide the values of parameters whose names say that they are secret."""
    return "".join(_parameters(text)) if "=" in text else text


def _parameters(text: str) -> Iterator[str]:
    """Yield a text in pieces, its secret values hidden.

    A parameter stands at the beginning or behind `?`, `&` or `;`; its value ends at `&`, `;` or a blank.
    """
    pieces = _SEPARATOR.split(text)
    begins, hides = True, False
    for piece, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        name, equals, value = piece.partition("=")
        if hides:  # behind a `?` in a value that is hidden already
            shown = ""
        elif begins and equals and _is_secret(name):
            hides = bool(value) or end == "?"
            shown = f"{name}={HIDDEN if hides else ''}"
        else:
            shown = piece
        hides = hides and end == "?"
        yield shown if hides else shown + end
        begins = end != "" and not end.isspace()


def _is_secret(name: str) -> bool:
    if "%" in name:
        from urllib.parse import unquote  # who reads a configuration does without

        name = unquote(name)
    lower = name.lower()
    words = lower.replace("-", "_").replace(".", "_").split("_")
    return any(word in lower for word in _SECRET_NAMES) or not _SECRET_WORDS.isdisjoint(words)
