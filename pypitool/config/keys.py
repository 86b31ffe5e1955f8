"""The keys of the configuration, as the classes of settings describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from pypitool.config.kinds import KINDS, ValueKind
from pypitool.config.settings import Settings


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

    @property
    def name(self) -> str:
        """How a file spells it: `max-upload-size`."""
        return self.field.replace("_", "-")

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
        return tuple(_key(f"{self.table}.{name}", described, "") for described in _described(self.of))


@dataclass(frozen=True, slots=True)
class Table:
    """A table that the settings have, with the values of its keys."""

    section: str
    keys: tuple[Key, ...]
    values: Any


def keys() -> tuple[Key, ...]:
    """Return every key that has one place, in the order of the settings."""
    return tuple(key for section in _sections() for key in _keys_of(section))


def families() -> tuple[Family, ...]:
    """Return every family of tables, in the order of the settings."""
    return tuple(
        Family(about["table"], described.name, about["of"], about["why"], about["example"])
        for described in fields(Settings)
        if (about := described.metadata)
    )


def every_key() -> tuple[Key, ...]:
    """Return every key, those of families as they stand in a table called NAME."""
    return (*keys(), *(key for family in families() for key in family.keys("NAME")))


def keys_by_path() -> dict[str, Key]:
    """Return every key that has one place, by its path."""
    return {key.path: key for key in keys()}


def build(values: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> Settings:
    """Make the settings out of a value for each path; what is absent has its default.

    `names` are the names of a family's tables, in order.
    """
    made: dict[str, Any] = {
        section.name: _class(section)(**_given(values, _keys_of(section))) for section in _sections()
    }
    for family in families():
        made[family.field] = tuple(
            family.of(name=name, **_given(values, family.keys(name))) for name in names.get(family.table, ())
        )
    return Settings(**made)


def tables_of(settings: Settings) -> Iterator[Table]:
    """Yield every table that the settings have, in their order."""
    by_field = {family.field: family for family in families()}
    for section in fields(Settings):
        values = getattr(settings, section.name)
        if section.name not in by_field:
            yield Table(section.name, _keys_of(section), values)
            continue
        family = by_field[section.name]
        for one in values:
            yield Table(f"{family.table}.{one.name}", family.keys(one.name), one)


def value_of(settings: Settings, key: Key) -> Any:
    """Return what the settings have for a key that has one place."""
    return getattr(getattr(settings, key.section), key.field)


def _sections() -> Iterator[Field[Any]]:
    return (described for described in fields(Settings) if not described.metadata)


def _class(section: Field[Any]) -> Any:
    assert section.default_factory is not MISSING, f"section {section.name} has no class"
    return section.default_factory


def _keys_of(section: Field[Any]) -> tuple[Key, ...]:
    return tuple(
        _key(section.name, described, f"PYPITOOL_{described.name.upper()}")
        for described in _described(_class(section))
    )


def _described(settings: Any) -> Iterator[Field[Any]]:
    # The name of a table of a family is no key in it.
    return (described for described in fields(settings) if described.metadata)


def _given(values: Mapping[str, Any], own: Sequence[Key]) -> dict[str, Any]:
    return {key.field: values[key.path] for key in own if key.path in values}


def _key(section: str, described: Field[Any], variable: str) -> Key:
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
    )
