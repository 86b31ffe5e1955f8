"""Secrets that must not reach a log."""

from __future__ import annotations

import re

from pypitool.config.values import masked as masked_urls

HIDDEN = "***"
# What people type into addresses: `?token=…`, `&api_key=…`; and headers that a message quotes.
_PARAMETER = re.compile(
    r"(?i)([?&;]|^)([^=&;?\s]*(?:token|passw|secret|key|auth|signature|credential)[^=&;?\s]*)=[^&;\s]+"
)
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?\s*(?:basic|bearer|token)?)\s+[^\s'\",]+")
_SCHEME = re.compile(r"(?i)\b(basic|bearer) [A-Za-z0-9+/_.~-]{8,}=*")


def masked(text: str) -> str:
    """Hide credentials of URLs, secrets of queries, and Authorization headers in a text."""
    text = masked_query(masked_urls(text))
    text = _HEADER.sub(rf"\1 {HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)


def masked_query(query: str) -> str:
    """Hide the values of a query whose names say that they are secret."""
    return _PARAMETER.sub(rf"\1\2={HIDDEN}", query) if "=" in query else query
