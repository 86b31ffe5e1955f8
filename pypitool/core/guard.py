"""The guard: what is wrong with one unit of work becomes its named problem, and the others go on.

A unit is a file that is scanned, an archive, a line of facts, a project or a file of a sync, a turn of a job.
What comes in may make any library raise anything: a version of 5,000 digits, a page of 200,000 brackets.
What is wrong with the machine ends the turn instead, and marks nothing: the next unit would meet it too.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from pypitool.core.errors import PypitoolError, causes
from pypitool.core.text import printable

T = TypeVar("T")

# A disk that is full, failing or read-only; no descriptors, no memory.
_OF_THE_MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
# By name, because `core` knows no database. The others (`DataError`, `IntegrityError`, `InterfaceError`,
# `ProgrammingError`) say that a value is none that a database can hold: that is the unit's.
_OF_THE_DATABASE = frozenset(("DatabaseError", "InternalError", "OperationalError"))


class Unforeseen(PypitoolError):
    """Something in a unit of work made a part of the program raise what nobody expected of it."""

    sentence = "it cannot be processed: {cause}"
    cause: str


class Guard:
    """Does one unit of work at a time, and says which failures are the unit's own."""

    @staticmethod
    def run(work: Callable[[], T], named: Callable[[PypitoolError], T]) -> T:
        """Do a unit of work; a failure that is its own is handed to `named`, as an error with a sentence."""
        try:
            return work()
        except Exception as error:
            if Guard.ends_the_turn(error):
                raise
            return named(Guard.named(error))

    @staticmethod
    def turn(work: Callable[[], T], ended: Callable[[PypitoolError], T]) -> T:
        """Take a turn of a loop that has to go on: whatever ends it is told, the machine's faults too."""
        try:
            return work()
        except Exception as error:
            return ended(Guard.named(error))

    @staticmethod
    def ends_the_turn(error: BaseException) -> bool:
        """Tell whether a failure is the machine's, or an order to stop: the next unit would meet it too."""
        return not isinstance(error, Exception) or any(map(_is_of_the_machine, causes(error)))

    @staticmethod
    def named(error: Exception) -> PypitoolError:
        """Return a failure as an error of ours: with a sentence, and the place where it came up."""
        if isinstance(error, PypitoolError):
            return error
        unforeseen = Unforeseen(_said(error))
        unforeseen.__cause__ = error
        return unforeseen


class Turns:
    """The turns of a loop that has to go on: whatever ends one is told, once until a turn has gone well."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = ""

    def take(self, turn: Callable[[], object]) -> None:
        """Take a turn."""

        def failed(error: PypitoolError) -> str:
            if str(error) != self._told:
                self._tell(str(error))
            return str(error)

        def gone_well() -> str:
            turn()
            return ""

        self._told = Guard.turn(gone_well, failed)


def _is_of_the_machine(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _OF_THE_MACHINE
    if getattr(error, "ends_the_turn", False) or isinstance(error, MemoryError):
        return True
    kind = type(error)
    return kind.__module__ == "sqlite3" and kind.__name__ in _OF_THE_DATABASE


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        subject = f"`{printable(str(error.filename))}`: " if error.filename else ""
        return f"{subject}{error.strerror.lower()}"
    return f"{_where(error)}{type(error).__name__}: {printable(str(error))}".removesuffix(": ")


def _where(error: Exception) -> str:
    # The innermost place, whoever's it is: the log keeps no traceback of what may come every night.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    name = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{name}:{trace.tb_lineno}: "
