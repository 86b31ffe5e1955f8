"""The keys of the configuration, as the classes of settings describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from pypitool.config.described import ARRAY, ENTRIES, FAMILY
from pypitool.config.kinds import KINDS
from pypitool.config.settings import Settings
from pypitool.config.shapes import Array, Entries, Family, Key, Shape, described_in, key_of

__all__ = [
    "Array", "Entries", "Family", "Key", "Shape", "Table", "arrays", "build", "entries", "every_key",
    "families", "keys", "keys_by_path", "shapes", "tables_of", "value_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A table that the settings have, with the values of its keys."""

    section: str
    keys: tuple[Key, ...]
    values: Any

    def value(self, key: Key) -> Any:
        """Return the value of one of its keys."""
        return self.values[key.name] if isinstance(self.values, dict) else getattr(self.values, key.field)


def keys() -> tuple[Key, ...]:
    """Return every key that has one place, in the order of the settings."""
    return tuple(key for section in _sections() for key in _keys_of(section))


def families() -> tuple[Family, ...]:
    """Return every family of tables, in the order of the settings."""
    return tuple(
        Family(about["table"], described.name, about["of"], about["why"], about["example"])
        for described, about in _shaped(FAMILY)
    )


def arrays() -> tuple[Array, ...]:
    """Return every array of tables, in the order of the settings."""
    return tuple(
        Array(about["table"], described.name, about["of"], about["why"])
        for described, about in _shaped(ARRAY)
    )


def entries() -> tuple[Entries, ...]:
    """Return every table of keys that people name, in the order of the settings."""
    return tuple(
        Entries(about["table"], described.name, KINDS[about["kind"]], about["why"], about["example"])
        for described, about in _shaped(ENTRIES)
    )


def shapes() -> tuple[Shape, ...]:
    """Return everything that is no table with one place."""
    return (*families(), *arrays(), *entries())


def every_key() -> tuple[Key, ...]:
    """Return every key: those of families as they stand in a table called NAME, those of arrays once."""
    return (
        *keys(),
        *(key for family in families() for key in family.keys("NAME")),
        *(key for array in arrays() for key in array.described),
        *(one.described for one in entries()),
    )


def keys_by_path() -> dict[str, Key]:
    """Return every key that has one place, by its path."""
    return {key.path: key for key in keys()}


def build(
    values: Mapping[str, Any],
    names: Mapping[str, Sequence[str]],
    lines: Mapping[str, Sequence[int | None]],
) -> Settings:
    """Make the settings out of a value for each path; what is absent has its default.

    `names` are those of the tables of a family and of the keys of entries, in order; `lines` has one line
    for each table of an array.
    """
    made: dict[str, Any] = {
        section.name: _class(section)(**_given(values, _keys_of(section))) for section in _sections()
    }
    for family in families():
        made[family.field] = tuple(
            family.of(name=name, **_given(values, family.keys(name))) for name in names.get(family.table, ())
        )
    for array in arrays():
        made[array.field] = tuple(
            array.of(line=line, **_given(values, array.keys(number)))
            for number, line in enumerate(lines.get(array.table, ()), start=1)
        )
    for one in entries():
        made[one.field] = tuple((name, values[one.key(name).path]) for name in names.get(one.table, ()))
    return Settings(**made)


def tables_of(settings: Settings) -> Iterator[Table]:
    """Yield every table that the settings have, in their order."""
    by_field = {one.field: one for one in shapes()}
    for section in fields(Settings):
        values = getattr(settings, section.name)
        shape = by_field.get(section.name)
        if shape is None:
            yield Table(section.name, _keys_of(section), values)
        elif isinstance(shape, Family):
            yield from (Table(f"{shape.table}.{one.name}", shape.keys(one.name), one) for one in values)
        elif isinstance(shape, Array):
            numbered = enumerate(values, start=1)
            yield from (Table(f"[{shape.table}]", shape.keys(number), one) for number, one in numbered)
        elif values:
            yield Table(shape.table, tuple(shape.key(name) for name, _ in values), dict(values))


def value_of(settings: Settings, key: Key) -> Any:
    """Return what the settings have for a key that has one place."""
    return getattr(getattr(settings, key.section), key.field)


def _shaped(shape: str) -> Iterator[tuple[Field[Any], Mapping[str, Any]]]:
    for described in fields(Settings):
        if described.metadata.get("shape") == shape:
            yield described, described.metadata


def _sections() -> Iterator[Field[Any]]:
    return (described for described in fields(Settings) if not described.metadata)


def _class(section: Field[Any]) -> Any:
    assert section.default_factory is not MISSING, f"section {section.name} has no class"
    return section.default_factory


def _keys_of(section: Field[Any]) -> tuple[Key, ...]:
    return tuple(
        key_of(section.name, described, f"PYPITOOL_{described.name.upper()}")
        for described in described_in(_class(section))
    )


def _given(values: Mapping[str, Any], own: Sequence[Key]) -> dict[str, Any]:
    return {key.field: values[key.path] for key in own if key.path in values}
