"""The query of an address, read with the patience that raw bytes need."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import request


def queried(name: str) -> str | None:
    """Return the first value of a name in the query of the current request."""
    # Not `request.args`: it raises an error of Unicode for bytes that nobody has escaped.
    query = request.query_string.decode("utf-8", "replace")
    return next(iter(parse_qs(query, keep_blank_values=True).get(name, ())), None)
