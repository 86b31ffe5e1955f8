"""The keys of the configuration, as `settings.py` describes them."""

from __future__ import annotations

from collections.abc import Mapping
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

    @property
    def name(self) -> str:
        """How a file spells it: `max-upload-size`."""
        return self.field.replace("_", "-")

    @property
    def path(self) -> str:
        """Where a file has it: `server.max-upload-size`."""
        return f"{self.section}.{self.name}"

    @property
    def flag(self) -> str:
        """The flag that messages name: `--max-upload-size`."""
        return self.flags[-1]


def keys() -> tuple[Key, ...]:
    """Return every key, in the order of the settings."""
    return tuple(key for section in fields(Settings) for key in keys_of(_class(section), section.name))


def keys_of(settings: Any, section: str) -> tuple[Key, ...]:
    """Return the keys of one class of settings, as the table `section` has them."""
    return tuple(_key(section, described) for described in fields(settings))


def keys_by_path() -> dict[str, Key]:
    """Return every key by its path."""
    return {key.path: key for key in keys()}


def build(values: Mapping[str, Any]) -> Settings:
    """Make the settings out of a value for each path; what is absent has its default."""
    sections = {}
    for section in fields(Settings):
        own = keys_of(_class(section), section.name)
        given = {key.field: values[key.path] for key in own if key.path in values}
        sections[section.name] = _class(section)(**given)
    return Settings(**sections)


def value_of(settings: Settings, key: Key) -> Any:
    """Return what the settings have for a key."""
    return getattr(getattr(settings, key.section), key.field)


def _class(section: Field[Any]) -> Any:
    assert section.default_factory is not MISSING, f"section {section.name} has no class"
    return section.default_factory


def _key(section: str, described: Field[Any]) -> Key:
    about = described.metadata
    return Key(
        section=section,
        field=described.name,
        default=described.default,
        kind=KINDS[about["kind"]],
        why=about["why"],
        topic=about["topic"],
        flags=about["flags"] or (f"--{described.name.replace('_', '-')}",),
        variable=about["env"] or f"PYPITOOL_{described.name.upper()}",
        example=about["example"],
    )
