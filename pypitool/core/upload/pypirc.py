"""`.pypirc`: the indexes that a person uploads to, as twine and others read it."""

from __future__ import annotations

from collections.abc import Iterator
from configparser import Error, MissingSectionHeaderError, ParsingError, RawConfigParser
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError

# Known without being written down, as the specification has it.
PUBLIC = ("pypi", "testpypi")
_NO_INDEX = frozenset({"distutils", "server-login"})


class BadPypirc(PypitoolError):
    """A `.pypirc` that cannot be read; what stands in it is never repeated: passwords do."""

    kind = Kind.CONFIG
    sentence = "{file} cannot be read: {reason}"
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Section:
    """One index of the file; without a `repository` it is one of the public ones."""

    name: str
    repository: str | None = None
    username: str | None = None
    password: str | None = None
    ca_cert: str | None = None
    client_cert: str | None = None

    def __repr__(self) -> str:
        return f"Section({self.name!r}, {self.repository!r}, {self.username!r}, …)"


def parse_pypirc(text: str, file: str = ".pypirc") -> tuple[Section, ...]:
    """Read the indexes of a file, the public ones included; a fault is a `BadPypirc`."""
    parser = RawConfigParser()
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except Error as error:
        raise BadPypirc(file, _reason(error)) from None
    return tuple(_section(parser, name) for name in _names(parser))


def _names(parser: RawConfigParser) -> Iterator[str]:
    listed = parser.get("distutils", "index-servers", fallback="").split()
    # A section with an address is meant to be used, whether `index-servers` repeats its name or not.
    written = [name for name in parser.sections() if parser.has_option(name, "repository")]
    names = dict.fromkeys((*listed, *written, *PUBLIC))
    for name in names:
        if name not in _NO_INDEX and (name in PUBLIC or parser.has_option(name, "repository")):
            yield name


def _section(parser: RawConfigParser, name: str) -> Section:
    def value(key: str) -> str | None:
        return parser.get(name, key, fallback="").strip() or None

    def login(key: str) -> str | None:
        # `[server-login]` is what was there before there were sections.
        return value(key) or parser.get("server-login", key, fallback="").strip() or None

    return Section(
        name=name,
        repository=value("repository"),
        username=login("username"),
        password=login("password"),
        ca_cert=value("ca_cert"),
        client_cert=value("client_cert"),
    )


def _reason(error: Error) -> str:
    if isinstance(error, MissingSectionHeaderError):
        return f"line {error.lineno} stands before any [section]"
    if isinstance(error, ParsingError):
        lines = ", ".join(str(number) for number, _ in error.errors)
        return f"line {lines} is no `key = value`"
    line = getattr(error, "lineno", None)
    return f"line {line} says again what was said before" if line else "it is no file of sections"
