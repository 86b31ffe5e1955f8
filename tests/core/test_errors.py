"""Errors as data: fields, a sentence that is filled in from them, and the way through `pickle`."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
from collections.abc import Iterator, Sequence
from string import Formatter

import pytest

import pypitool
import pypitool_server
from pypitool.core.errors import EXIT_CODES, HTTP_STATUSES, Kind, PypitoolError, exit_code, http_status


class Missing(PypitoolError):
    """A class that says everything by its fields."""

    kind = Kind.NOT_FOUND
    sentence = "there is no {what} `{name}`, of {count:,} that there are"
    hint = "ask for another {what}"
    what: str
    name: str
    count: int = 1000


class MissingHere(Missing):
    """A class that inherits fields and says something else."""

    sentence = "{name} is not here"


class Advised(PypitoolError):
    """A class whose hint is worked out, and may hold braces."""

    kind = Kind.USAGE
    status = 413
    known: Sequence[str]

    def __post_init__(self) -> None:
        self.hint = f"there is {', '.join(self.known)}"
        super().__post_init__()

    def __str__(self) -> str:
        return "it is not said which"


class Told(PypitoolError):
    """A class to which the hint is given."""

    sentence = "{message}"
    message: str
    hint: str | None = None


def test_the_sentence_and_the_hint_are_filled_in_from_the_fields() -> None:
    error = Missing("set", "a{b}")

    assert str(error) == "there is no set `a{b}`, of 1,000 that there are"
    assert error.hint == "ask for another set"


def test_a_subclass_inherits_the_fields_and_the_hint() -> None:
    error = MissingHere(what="job", name="nightly")

    assert str(error) == "nightly is not here"
    assert error.hint == "ask for another job"
    assert error.kind is Kind.NOT_FOUND


@pytest.mark.parametrize("hint", [None, "write {braces}"])
def test_a_hint_that_is_given_is_said_as_it_is(hint: str | None) -> None:
    assert Told("{no} field", hint).hint == hint
    assert str(Told("{no} field", hint)) == "{no} field"


@pytest.mark.parametrize(
    "error",
    [Missing("set", "web", count=3), MissingHere("job", "x"), Advised(["{one}", "two"]), Told("a", "b")],
)
def test_an_error_goes_to_another_process_whole(error: PypitoolError) -> None:
    there = pickle.loads(pickle.dumps(error))

    assert type(there) is type(error)
    assert (str(there), there.hint, there.args) == (str(error), error.hint, error.args)


def test_the_fields_are_the_arguments_however_they_were_given() -> None:
    assert Missing(name="web", what="set").args == ("set", "web", 1000)


def test_two_errors_are_two_even_when_they_say_the_same() -> None:
    one, other = Missing("set", "web"), Missing("set", "web")

    assert one != other
    assert len({one, other}) == 2


def test_every_kind_has_an_exit_code_and_a_status() -> None:
    assert set(EXIT_CODES) == set(HTTP_STATUSES) == set(Kind)
    assert (exit_code(Advised([])), http_status(Advised([]))) == (2, 413)
    assert (exit_code(Missing("a", "b")), http_status(Missing("a", "b"))) == (5, 404)


def test_every_sentence_and_hint_names_only_fields_of_its_class() -> None:
    for package in (pypitool, pypitool_server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith((".__main__", ".wsgi")):
                importlib.import_module(module.name)

    wrong = [
        f"{error.__module__}.{error.__name__}: {name}"
        for error in below(PypitoolError)
        for template in (error.sentence, error.hint)
        for name in names_in(template)
        if name not in error._fields
    ]

    assert not wrong


def below(error: type[PypitoolError]) -> Iterator[type[PypitoolError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from below(kind)


def names_in(template: object) -> Iterator[str]:
    # A class whose hint is a field, or has none, has nothing to fill in.
    for _, name, _, _ in Formatter().parse(template if isinstance(template, str) else ""):
        if name is not None:
            yield name.partition(".")[0]
