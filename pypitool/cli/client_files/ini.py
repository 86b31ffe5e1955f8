"""Change single values of an INI file; whatever else stands in it stays, comments and order too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from configparser import Error, RawConfigParser
from dataclasses import dataclass

_HEADER = re.compile(r"\[(?P<name>[^]]+)\]")
_OPTION = re.compile(r"(?P<key>[^\s#;=:\[][^=:]*?)\s*[=:]\s*(?P<value>.*)")


class CannotEdit(ValueError):
    """A file that cannot be changed without harm: the message says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose value is to be another one."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A file after the change, and which values would be lost."""

    text: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a section is to say: values of their own, and lists that are to have one more item."""

    section: str
    values: Mapping[str, str]
    items: Mapping[str, str]


def edit_ini(text: str, wanted: Sequence[Wanted], same: Callable[[str], str] = str.lower) -> Edited:
    """Make a file say what is wanted; `same` returns a key as it is compared (pip: `index_url`)."""
    before = _parsed(text)
    lines, differences = text.splitlines(), list[Difference]()
    for one in wanted:
        lines, found = _with_section(lines, one, same)
        differences += found
    end = "\r\n" if "\r\n" in text else "\n"
    edited = "".join(f"{line}{end}" for line in lines)
    _check(before, _parsed(edited), wanted, same)
    # Nothing to change is nothing to write, a missing last line end too.
    return Edited(text if lines == text.splitlines() else edited, tuple(differences))


def _with_section(
    lines: list[str], wanted: Wanted, same: Callable[[str], str]
) -> tuple[list[str], list[Difference]]:
    span = _section(lines, wanted.section)
    if span is None:
        gap = [""] if lines and lines[-1].strip() else []
        lines = [*lines, *gap, f"[{wanted.section}]"]
        span = len(lines), len(lines)
    start, end = span
    head, body, tail = lines[:start], lines[start:end], lines[end:]
    differences: list[Difference] = []
    for key, value in wanted.values.items():
        body = _with_value(body, key, value, same, differences)
    for key, item in wanted.items.items():
        body = _with_item(body, key, item, same)
    return [*head, *body, *tail], differences


def _with_value(
    body: list[str], key: str, value: str, same: Callable[[str], str], differences: list[Difference]
) -> list[str]:
    span = _option(body, key, same)
    if span is None:
        return _added(body, f"{key} = {value}")
    start, end = span
    written, before = _read(body[start:end])
    if before == value:
        return body
    differences.append(Difference(key, before, value))
    return [*body[:start], f"{written} = {value}", *body[end:]]


def _with_item(body: list[str], key: str, item: str, same: Callable[[str], str]) -> list[str]:
    span = _option(body, key, same)
    if span is None:
        return _added(body, f"{key} = {item}")
    start, end = span
    _, before = _read(body[start:end])
    if item in before.split():
        return body
    return [*body[:end], f"    {item}", *body[end:]]


def _section(lines: Sequence[str], name: str) -> tuple[int, int] | None:
    """Return where the lines of a section begin and end."""
    headers = [(at, found["name"]) for at, line in enumerate(lines) if (found := _HEADER.match(line))]
    for place, (at, found_name) in enumerate(headers):
        if found_name == name:
            end = headers[place + 1][0] if place + 1 < len(headers) else len(lines)
            return at + 1, end
    return None


def _option(body: Sequence[str], key: str, same: Callable[[str], str]) -> tuple[int, int] | None:
    """Return where an option begins and ends, with the lines that continue it."""
    for at, line in enumerate(body):
        found = _OPTION.match(line)
        if found and same(found["key"]) == same(key):
            end = at + 1
            while end < len(body) and body[end][:1] in (" ", "\t") and body[end].strip():
                end += 1
            return at, end
    return None


def _read(lines: Sequence[str]) -> tuple[str, str]:
    """Return the key as it is written, and the value on one line for each of its lines."""
    found = _OPTION.match(lines[0])
    assert found is not None
    more = [line.strip() for line in lines[1:] if not line.strip().startswith(("#", ";"))]
    return found["key"], "\n".join([found["value"].strip(), *more]).strip()


def _added(body: list[str], line: str) -> list[str]:
    # Before the blank lines and comments that belong to the next section.
    end = len(body)
    while end and (not body[end - 1].strip() or body[end - 1].startswith(("#", ";"))):
        end -= 1
    return [*body[:end], line, *body[end:]]


def _parsed(text: str) -> RawConfigParser:
    parser = RawConfigParser()
    try:
        parser.read_string(text)
    except Error as error:
        line = getattr(error, "lineno", None)
        raise CannotEdit(f"line {line} cannot be read" if line else "it cannot be read") from None
    return parser


def _check(
    before: RawConfigParser, after: RawConfigParser, wanted: Sequence[Wanted], same: Callable[[str], str]
) -> None:
    """Raise `CannotEdit` unless the file says what is wanted, and all the rest as before."""
    meant = {(one.section, same(key)) for one in wanted for key in (*one.values, *one.items)}
    for section in before.sections():
        for key, value in before.items(section):
            if (section, same(key)) not in meant and after.get(section, key, fallback=None) != value:
                raise CannotEdit(f"`{key}` of [{section}] would change with it")
    for one in wanted:
        said = {same(key): value for key, value in after.items(one.section)}
        right = all(said.get(same(key)) == value for key, value in one.values.items())
        if not right or not all(item in said.get(same(key), "").split() for key, item in one.items.items()):
            raise CannotEdit(f"[{one.section}] is written in a way that is not understood")
