"""What of the configuration may change while a server runs, and where it is read from again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypitool.config.config_files import CONFIG_VARIABLE, SYSTEM_FILE, candidate_files
from pypitool.config.faults import BadConfiguration, ConfigFault
from pypitool.config.keys import Shape
from pypitool.config.loader import Loaded, load_settings
from pypitool.config.settings import Settings, held_tables, keys, tables
from pypitool.core.container import IN_CONTAINER

_HOMES = ("HOME", "XDG_CONFIG_HOME")


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where a configuration came from. It crosses to other processes, and reads the same there."""

    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    config_file: Path | None = None
    system_file: Path = SYSTEM_FILE
    there: tuple[Path, ...] = ()  # the files that were there, and are expected to be

    @classmethod
    def of(
        cls,
        flags: Mapping[str, Any],
        environ: Mapping[str, str],
        config_file: Path | None = None,
        *,
        system_file: Path = SYSTEM_FILE,
    ) -> ConfigSource:
        """Remember what the configuration is made of; of the environment no more than that."""
        wanted = {CONFIG_VARIABLE, IN_CONTAINER, *_HOMES, *(key.variable for key in keys())}
        kept = {name: environ[name] for name in wanted & environ.keys()}
        return cls(dict(flags), kept, config_file, system_file).now()

    def now(self) -> ConfigSource:
        """Return the same with the files that are there now."""
        return replace(self, there=tuple(file for file in self.files() if os.path.lexists(file)))

    def files(self) -> tuple[Path, ...]:
        """Return every file that counts, or would if it were there."""
        return candidate_files(self.environ, self.config_file, system_file=self.system_file)

    def load(self) -> Loaded:
        """Read it again, or raise `BadConfiguration`."""
        # Somebody replaces it at this moment, or has deleted it: the defaults would open what it closes.
        gone = [
            ConfigFault(str(file), "", "has vanished") for file in self.there if not os.path.lexists(file)
        ]
        if gone:
            raise BadConfiguration(gone)
        return load_settings(self.flags, self.environ, self.config_file, system_file=self.system_file)


def with_live(settings: Settings, fresh: Settings) -> Settings:
    """Return settings with those of the fresh ones that count at once."""
    changed: dict[str, Any] = {}
    for table in tables():
        theirs = getattr(fresh, table.field)
        if table.live:
            changed[table.field] = theirs
        elif table.shape is Shape.ONCE:
            own = {key.field: getattr(theirs, key.field) for key in table.keys if key.live}
            changed[table.field] = replace(getattr(settings, table.field), **own)
    if bool(settings.rules) != bool(fresh.rules):
        # Rules in the place of the short form, or it in theirs: what it protects comes and goes with it.
        changed["auth"] = replace(changed["auth"], authenticate=fresh.auth.authenticate)
    return replace(settings, **changed)


def changed_keys(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return the paths of the keys that have other values, or are there no longer."""
    had, has = _values_of(before), _values_of(after)
    return tuple(path for path in {**had, **has} if had.get(path) != has.get(path))


def _values_of(settings: Settings) -> dict[str, Any]:
    return {
        f"{held.heading}.{key.name}": held.value(key) for held in held_tables(settings) for key in held.keys
    }
