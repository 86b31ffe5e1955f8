"""The reason of a failed request: what it came from, in a few words."""

from __future__ import annotations

import re
import ssl

# A connection that ends within a handshake was broken off; whatever else is wrong with TLS stays wrong.
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def cause(error: BaseException) -> BaseException:
    """Return what an error came from at first."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def short(error: BaseException) -> str:
    """Say what went wrong."""
    first = cause(error)
    if isinstance(first, ssl.SSLError):
        return _said_by_tls(first)
    if isinstance(first, OSError) and first.strerror:
        return first.strerror.lower()  # without the number that Python puts before it
    return str(first) or type(first).__name__


def is_of_tls(error: BaseException) -> bool:
    """Tell whether TLS itself failed: it will not do better at the next try."""
    first = cause(error)
    return isinstance(first, ssl.SSLError) and not isinstance(first, _BROKEN_OFF)


def _said_by_tls(error: ssl.SSLError) -> str:
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS; is its address one of http?"
    # `[SSL: REASON] its words (_ssl.c:1006)`
    return re.sub(r"^\[.*?\] | \(_ssl\.c:\d+\)$", "", error.strerror or str(error))
