"""What is never printed."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")


def masked(text: str) -> str:
    """Hide the credentials of every URL in a text."""
    return _CREDENTIALS.sub("***@", text)
