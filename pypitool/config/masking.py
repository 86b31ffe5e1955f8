"""What is never printed."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_BEHIND_HOST = re.compile(r"(?<=://)(?:[^/\s]*@)?([^/?#\s]*)[/?#]\S*")


def masked(text: str) -> str:
    """Hide the credentials of every URL in a text."""
    return _CREDENTIALS.sub("***@", text)


def host_only(text: str) -> str:
    """Hide all of an address but its host: the path of a webhook is its password."""
    return _BEHIND_HOST.sub(r"\1/***", masked(text))
