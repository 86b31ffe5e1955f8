"""Every failure is a named class with fields; its kind alone crosses a boundary."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Kind(str, Enum):
    """What sort of failure it is, for callers that do not know the class."""

    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    INVALID = "invalid"
    USAGE = "usage"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    CONFIG = "config"
    INTERNAL = "internal"


class PypitoolError(Exception):
    """The base of all our errors: `str()` says what happened to what, `hint` says what to do."""

    kind: ClassVar[Kind] = Kind.INTERNAL
    # A finer HTTP status than the kind's own (413, 416, 507), where a client acts on the difference.
    status: ClassVar[int | None] = None
    hint: str | None = None


class NoSpace(PypitoolError):
    """The disk is full: nothing was changed."""

    kind = Kind.UNAVAILABLE
    status = 507  # RFC 4918, 11.5: the server is unable to store what is needed to complete the request

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.hint = "free some space, then try again: nothing was changed"
        super().__init__(subject)

    def __str__(self) -> str:
        return f"no space left on the disk for {self.subject}"


EXIT_CODES: dict[Kind, int] = {
    Kind.INTERNAL: 1,
    Kind.INVALID: 1,
    Kind.USAGE: 2,
    Kind.UNAUTHORIZED: 4,
    Kind.FORBIDDEN: 4,
    Kind.NOT_FOUND: 5,
    Kind.CONFLICT: 6,
    Kind.UNAVAILABLE: 7,
    Kind.CONFIG: 8,
}
EXIT_PARTIAL = 3
EXIT_UPDATE_OFFERED = 10
EXIT_INTERRUPTED = 130

HTTP_STATUSES: dict[Kind, int] = {
    Kind.INTERNAL: 500,
    Kind.INVALID: 400,
    Kind.USAGE: 400,
    Kind.UNAUTHORIZED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.UNAVAILABLE: 503,
    Kind.CONFIG: 500,
}


def exit_code(error: PypitoolError) -> int:
    """The exit code of the command that ended with `error`."""
    return EXIT_CODES[error.kind]


def http_status(error: PypitoolError) -> int:
    """The HTTP status of the answer that reports `error`."""
    return error.status or HTTP_STATUSES[error.kind]
