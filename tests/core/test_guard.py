"""What is one unit's own fault becomes its problem; what is the machine's ends the turn."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from packaging.version import Version

from pypitool.archives.open_archive import BrokenArchive
from pypitool.catalogue.errors import CatalogueDamaged, CatalogueReadOnly
from pypitool.catalogue.facts import FactsUnwritable
from pypitool.core.errors import NoSpace, PypitoolError
from pypitool.core.guard import Guard, Turns, Unforeseen
from pypitool.core.model import Location
from pypitool.keeper.keeper import KeeperStopped
from pypitool.store.failures import NotReadable, NotWritable
from pypitool.upstream.upstream_errors import Stopped, UpstreamUnavailable


def raising(error: BaseException) -> str:
    raise error


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Exceeds the limit (4300 digits) for integer string conversion"),
        RecursionError("maximum recursion depth exceeded"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        OverflowError("int too large to convert to float"),
        TypeError("can't subtract offset-naive and offset-aware datetimes"),
        AttributeError("'list' object has no attribute 'get'"),
        OSError(errno.EINVAL, "Invalid argument"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError("no number at all"),
        sqlite3.IntegrityError("CHECK constraint failed"),
        sqlite3.ProgrammingError("Error binding parameter 1: type 'dict' is not supported"),
        BrokenArchive("x.whl", "it is truncated"),
        UpstreamUnavailable("main", "refused"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_unit_raises_becomes_its_problem(error: Exception) -> None:
    assert isinstance(Guard.run(lambda: raising(error), lambda fault: str(type(fault))), str)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.EROFS, "Read-only file system"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENFILE, "Too many open files in system"),
        MemoryError(),
        sqlite3.OperationalError("attempt to write a readonly database"),
        sqlite3.DatabaseError("database disk image is malformed"),
        NoSpace("the package directory"),
        CatalogueReadOnly(Path("catalogue.sqlite"), "attempt to write a readonly database"),
        CatalogueDamaged(Path("catalogue.sqlite"), "malformed"),
        FactsUnwritable(Path("facts.jsonl"), "Permission denied"),
        NotWritable(Path("packages"), "read-only file system"),
        Stopped(),
        KeeperStopped(),
        KeyboardInterrupt(),
        SystemExit(1),
        caused(PypitoolError(), OSError(errno.EMFILE, "Too many open files")),
        caused(NotReadable(Location(0, "x.whl"), "EIO"), caused(ValueError(), OSError(errno.EIO, "EIO"))),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_is_the_machines_ends_the_turn_and_marks_nothing(error: BaseException) -> None:
    def mark(fault: PypitoolError) -> str:
        raise AssertionError(fault)

    with pytest.raises(type(error)):
        Guard.run(lambda: raising(error), mark)


def test_an_error_of_ours_keeps_its_sentence() -> None:
    broken = BrokenArchive("x.whl", "it is truncated")

    assert Guard.run(lambda: raising(broken), str) == "`x.whl` is not usable: it is truncated"


def test_an_unforeseen_failure_is_named_with_the_place_where_it_came_up() -> None:
    sentence = Guard.run(lambda: str(Version("9" * 5000)), str)

    assert sentence.startswith("it cannot be processed: version.py:")
    assert "ValueError: Exceeds the limit" in sentence


def test_an_unforeseen_failure_keeps_its_cause_and_stays_short() -> None:
    error = ValueError("x" * 10_000 + "\ud800\n")

    named = Guard.named(error)

    assert isinstance(named, Unforeseen)
    assert named.__cause__ is error
    assert len(str(named)) < 300
    assert str(named).isascii()


def test_a_failure_of_the_system_is_told_in_its_own_words() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/packages")

    assert str(Guard.named(error)) == "it cannot be processed: `/srv/packages`: permission denied"


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.ENOSPC, "No space left"), MemoryError()])
def test_a_turn_of_a_loop_is_survived_whatever_ends_it(error: Exception) -> None:
    assert Guard.turn(lambda: raising(error), lambda fault: "survived") == "survived"


@pytest.mark.parametrize("order", [KeeperStopped(), KeyboardInterrupt(), SystemExit(1)])
def test_an_order_to_stop_is_no_failure_of_a_turn(order: BaseException) -> None:
    with pytest.raises(type(order)):
        Guard.turn(lambda: raising(order), lambda fault: "survived")


def test_the_turns_of_a_loop_tell_a_failure_once_until_one_has_gone_well() -> None:
    told: list[str] = []
    turns = Turns(told.append)
    failing = NoSpace("the log")

    for error in (failing, failing, None, failing, KeyError("x"), KeyError("x")):
        turns.take(lambda error=error: None if error is None else raising(error))  # type: ignore[misc]

    assert len(told) == 3
    assert told[:2] == [str(failing)] * 2
