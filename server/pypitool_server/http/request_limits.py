"""What a request may say before it is answered: one table, which the front of replay reads before Flask.

A reader whose work grows with the square of a text costs milliseconds at these lengths, and not minutes.
"""

from __future__ import annotations

from collections.abc import Container

from pypitool_server.http.wsgi_types import Environ

# Bytes; what is exactly as long passes.
LONGEST_TARGET = 8 * 1024
LONGEST_HEADER = 8 * 1024
MOST_HEADERS = 64 * 1024
# A search looks through all names for each of its terms.
MOST_TERMS = 20
# Answers and forms are found by headers of clients: what is longer than this is not kept.
LONGEST_KEPT = 2 * 1024

# Those that somebody here, or in Flask, takes apart or writes down, and what `[auth] header` names. What
# nobody reads counts only together.
READ = frozenset({
    "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_AUTHORIZATION",
    "HTTP_EXPECT", "HTTP_FORWARDED", "HTTP_HOST", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE", "HTTP_ORIGIN", "HTTP_RANGE", "HTTP_SEC_FETCH_SITE", "HTTP_TRANSFER_ENCODING",
    "HTTP_USER_AGENT", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
})  # fmt: skip

Excess = tuple[str, str]  # the status, and a sentence


def excess_of(environ: Environ, read: Container[str] = READ) -> Excess | None:
    """Return how a request is refused that says more than it may, None for one that does not."""
    query = environ.get("QUERY_STRING") or ""
    # As the engine has it: what was escaped in the path is one byte by now.
    if len(environ.get("PATH_INFO") or "") + len(query) + bool(query) > LONGEST_TARGET:
        return "414 URI Too Long", f"the address is longer than {LONGEST_TARGET} bytes"
    together = 0
    for key, value in environ.items():
        if key in read and len(value) > LONGEST_HEADER:
            return _too_large(f"the header {_name(key)} is longer than {LONGEST_HEADER} bytes")
        if key.startswith("HTTP_") or key in read:
            together += len(_name(key)) + len(value)
    if together > MOST_HEADERS:
        return _too_large(f"the headers are longer than {MOST_HEADERS} bytes together")
    return None


def length_of(key: tuple[object, ...]) -> int:
    """Return how many characters of clients are in the key of something that is kept."""
    return sum(len(part) for part in key if isinstance(part, str))


def shortened(environ: Environ) -> Environ:
    """Return what is noted of a request that says too much: the beginnings of its texts."""
    return {key: value[:LONGEST_KEPT] if isinstance(value, str) else value for key, value in environ.items()}


def _too_large(sentence: str) -> Excess:
    return "431 Request Header Fields Too Large", sentence


def _name(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").title()
