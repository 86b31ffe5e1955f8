"""Errors: each failure is a named class with fields, whose kind says the exit code and the status."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    # `typing` has it from Python 3.11 on; only mypy needs it, which brings `typing_extensions`.
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


_DEEPEST = 10  # causes of causes


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


@dataclass_transform(eq_default=False)
class PypitoolError(Exception):
    """The base of all our errors: `str()` says what happened to what, `hint` says what to do.

    A subclass names its fields and is raised with them: each is a dataclass without saying so. `sentence`
    and `hint` are filled in from the fields; a class whose sentence takes more has a `__str__` of its own.
    """

    kind: ClassVar[Kind] = Kind.INTERNAL
    # A finer HTTP status than the kind's own (413, 416, 507), where a client acts on the difference.
    status: ClassVar[int | None] = None
    # The machine's fault, or an order to stop, and not that of the one thing at hand; see `core.guard`.
    ends_the_turn: ClassVar[bool] = False
    sentence: ClassVar[str] = ""
    hint: str | None = None
    _fields: ClassVar[tuple[str, ...]] = ()  # the names of the fields, in order

    def __init_subclass__(cls) -> None:
        # A dataclass in all but generated code, of which a start would compile some for every error.
        kinds = vars(cls).get("__annotations__", {})
        fields = [name for name, kind in kinds.items() if not str(kind).startswith("ClassVar")]
        cls._fields = tuple(dict.fromkeys((*cls._fields, *fields)))

    def __init__(self, *given: Any, **named: Any) -> None:
        vars(self).update(zip(self._fields, given, strict=False), **named)
        self.__post_init__()

    def __post_init__(self) -> None:
        for name in self._fields:
            setattr(self, name, getattr(self, name))  # a default is what the class has
        # Positional: an exception crosses to another process as its class and its `args`.
        super().__init__(*(getattr(self, name) for name in self._fields))
        if self.hint is not None and "hint" not in vars(self):
            self.hint = self.hint.format_map(vars(self))

    def __str__(self) -> str:
        return self.sentence.format_map(vars(self))


class NoSpace(PypitoolError):
    """The disk is full: nothing was changed."""

    kind = Kind.UNAVAILABLE
    status = 507  # RFC 4918, 11.5: the server is unable to store what is needed to complete the request
    ends_the_turn = True
    sentence = "no space left on the disk for {subject}"
    hint = "free some space, then try again: nothing was changed"
    subject: str


class RecordedOnly(NoSpace):
    """The disk is full: a decision stands in the log of facts, and not yet in the catalogue."""

    hint = "free some space: the decision is recorded, and counts from then on"


class TooManyOpenFiles(PypitoolError):
    """There are no descriptors any more: of this process, or of the whole system."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    sentence = "too many open files"
    hint = "let it open more, by `LimitNOFILE=` of its unit or `ulimit -n`, or let fewer connect"


def of_the_machine(error: BaseException, subject: str) -> PypitoolError | None:
    """Name what the system refuses whatever the file is: no room for `subject`, no descriptors.

    Whoever names an error of the system asks this first: an owner or a permission has nothing to do with it.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(subject)
    return TooManyOpenFiles() if number in (errno.EMFILE, errno.ENFILE) else None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an error and what it came from."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__


def without_descriptors(error: BaseException) -> TooManyOpenFiles | None:
    """Say so, if an error came up because there were no descriptors, whatever it was named since."""
    named = (of_the_machine(cause, "") for cause in causes(error))
    return next((one for one in named if isinstance(one, TooManyOpenFiles)), None)


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
