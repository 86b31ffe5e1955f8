"""What a key of the configuration is, and the shapes of table that it can stand in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from pypitool.config.kinds import KINDS, ValueKind


@dataclass(frozen=True, slots=True)
class Key:
    """One key: where it stands, what it takes, and how else it can be given."""

    section: str
    field: str
    default: Any
    kind: ValueKind
    why: str
    topic: str
    flags: tuple[str, ...]  # the long one that messages name comes last
    variable: str
    example: str
    demanded: bool
    live: bool = False
    own_name: str = ""  # of a key that people name

    @property
    def name(self) -> str:
        """How a file spells it: `max-upload-size`."""
        # `from_`, because `from` is a word of Python's.
        return self.own_name or self.field.rstrip("_").replace("_", "-")

    @property
    def path(self) -> str:
        """Where a file has it: `server.max-upload-size`, `set.backend.lock`."""
        return f"{self.section}.{self.name}"

    @property
    def flag(self) -> str:
        """The flag that messages name: `--max-upload-size`."""
        return self.flags[-1] if self.flags else f"--{self.name}"


@dataclass(frozen=True, slots=True)
class Family:
    """Tables that people name: `[upstream.NAME]`."""

    table: str
    field: str
    of: Any
    why: str
    example: str

    def keys(self, name: str) -> tuple[Key, ...]:
        """Return the keys of one of the tables. No variable gives them: it could not say in which table."""
        return tuple(key_of(f"{self.table}.{name}", described, "") for described in described_in(self.of))


@dataclass(frozen=True, slots=True)
class Array:
    """Tables without names: `[[rule]]`, of which the third is `rule[3]`."""

    table: str
    field: str
    of: Any
    why: str

    def path(self, number: int) -> str:
        """Return what messages call one of the tables; the first is 1."""
        return f"{self.table}[{number}]"

    def keys(self, number: int) -> tuple[Key, ...]:
        """Return the keys of one of the tables."""
        return self._keys(self.path(number))

    @property
    def described(self) -> tuple[Key, ...]:
        """The keys as documents show them: under the heading `[[rule]]`."""
        return self._keys(f"[{self.table}]")

    def _keys(self, section: str) -> tuple[Key, ...]:
        return tuple(key_of(section, described, "") for described in described_in(self.of))


@dataclass(frozen=True, slots=True)
class Entries:
    """A table whose keys people name, all of one kind: `[groups]`."""

    table: str
    field: str
    kind: ValueKind
    why: str
    example: tuple[str, str]

    def key(self, name: str) -> Key:
        """Return one of its keys."""
        text = self.example[1]
        return Key(self.table, self.field, None, self.kind, self.why, "", (), "", text, True, own_name=name)

    @property
    def described(self) -> Key:
        """The key that documents show."""
        return self.key(self.example[0])


Shape = Family | Array | Entries


def described_in(settings: Any) -> Iterator[Field[Any]]:
    """Yield the fields of a class of settings that are keys."""
    # The name of a table of a family is no key in it.
    return (described for described in fields(settings) if described.metadata)


def key_of(section: str, described: Field[Any], variable: str) -> Key:
    """Return the key that a field describes."""
    about = described.metadata
    topic = about.get("topic", "")
    flags = about.get("flags") or ((f"--{described.name.replace('_', '-')}",) if topic else ())
    demanded = described.default is MISSING
    return Key(
        section=section,
        field=described.name,
        default=None if demanded else described.default,
        kind=KINDS[about["kind"]],
        why=about["why"],
        topic=topic,
        flags=flags,
        variable=about.get("env") or variable,
        example=about["example"],
        demanded=demanded,
        live=about.get("live", False),
    )
