"""What a configuration gives: each value with the place that it came from, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pypitool.config.faults import ConfigFault
from pypitool.config.keys import ConfigTable


class SettingSource(str, Enum):
    """The sort of place that a value came from, strongest first."""

    FLAG = "flag"
    VARIABLE = "variable"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """Where a value came from: `flag --port`, `file /etc/pypitool/config.toml`."""

    kind: SettingSource
    name: str = ""

    @property
    def is_default(self) -> bool:
        """Whether nobody gave the value."""
        return self.kind is SettingSource.DEFAULT

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and where it came from."""

    value: Any
    origin: SettingOrigin


@dataclass(frozen=True, slots=True)
class Place:
    """One table that is there: `server`, `set.backend`, `rule[3]`."""

    path: str
    table: ConfigTable
    source: str = ""
    # What its class knows it by, besides its keys: its name, or the line that it begins at.
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source gives, by path, and what is wrong with it."""

    given: Mapping[str, Given]
    faults: tuple[ConfigFault, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)  # of tables that may be there more than once


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all layers give together: each value from the strongest that has it."""

    given: Mapping[str, Given]
    places: Mapping[str, Place]

    def value(self, path: str) -> Any:
        """Return the value of a path, or None when nothing gives one."""
        return self.given[path].value if path in self.given else None

    def names(self, table: str) -> tuple[str, ...]:
        """Return the names of the tables, or of the keys, that people gave there, in order."""
        is_open = table in self.places  # `groups` is a table itself, `set` only the beginning of some
        paths = self.given if is_open else self.places
        return tuple(path.partition(".")[2] for path in paths if path.startswith(f"{table}."))

    def fault(self, path: str, message: str) -> ConfigFault:
        """Make the fault of a value that a file gives."""
        return ConfigFault(self.given[path].origin.name, path, message)

    def fault_of_strongest(self, paths: tuple[str, ...], message: str) -> ConfigFault:
        """Blame the strongest of the sources that took part: that is the one somebody just typed."""
        strength = list(SettingSource)
        path = min(paths, key=lambda one: strength.index(self.given[one].origin.kind))
        origin = self.given[path].origin
        by_flag = origin.kind is SettingSource.FLAG
        # A flag and a variable have the key in their name.
        shown = "" if origin.kind in (SettingSource.FLAG, SettingSource.VARIABLE) else path
        return ConfigFault(origin.name, shown, message, by_flag)
