"""Every setting once: its name, type, default and one line of why, in the file of its table.

The loader, the example file, `config show` and the flags of `serve` are all made from these classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pypitool.config.gathered import Place
from pypitool.config.job_tables import JobSettings, NotifySettings
from pypitool.config.keys import ConfigTable, Key, Shape, described_tables, entries, named, numbered
from pypitool.config.mirror_tables import PolicySettings, SetSettings, TargetSettings
from pypitool.config.publisher_tables import PublisherSettings
from pypitool.config.rights_tables import MEMBERS, AuthSettings, RuleSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.upstream_tables import RemoteSettings, UpstreamSettings
from pypitool.core.proxy_headers import FORWARDED, X_FORWARDED_FOR, dropping_lines


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured; immutable, complete, validated."""

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    groups: tuple[tuple[str, tuple[str, ...]], ...] = entries(
        "groups",
        "people under one name, which rules write with an @; a group may hold others",
        kind=MEMBERS,
        example=("maintainers", "ann,token:ci-*"),
        live=True,
    )
    rules: tuple[RuleSettings, ...] = numbered(
        "rule",
        RuleSettings,
        "who may do what: whatever at least one rule lets you; without any, [auth] decides",
        live=True,
    )
    publishers: tuple[PublisherSettings, ...] = numbered(
        "publisher",
        PublisherSettings,
        "a CI that uploads without a secret: the first whose claims match; oidc-audience goes with it",
        live=True,
    )
    upstreams: tuple[UpstreamSettings, ...] = named(
        "upstream",
        UpstreamSettings,
        "where packages come from; the first that has a project owns it; without any: the public PyPI",
        example="acme",
    )
    targets: tuple[TargetSettings, ...] = named(
        "targets",
        TargetSettings,
        "what clients run; without any: this machine; on one line: ubuntu24 = { python = …, platform = … }",
        example="ubuntu24",
    )
    policy: PolicySettings = field(default_factory=PolicySettings)
    sets: tuple[SetSettings, ...] = named(
        "set", SetSettings, "what sync brings and proves", example="backend"
    )
    jobs: tuple[JobSettings, ...] = named(
        "job", JobSettings, "what the daemon, or a timer of systemd, runs, and when", example="nightly"
    )
    notify: NotifySettings = field(default_factory=NotifySettings)
    remotes: tuple[RemoteSettings, ...] = named(
        "remote", RemoteSettings, "other servers, to upload to and to manage", example="acme"
    )


@cache
def tables() -> tuple[ConfigTable, ...]:
    """Return every table that a file may have, in the order of the settings."""
    return tuple(described_tables(Settings))


def keys() -> tuple[Key, ...]:
    """Return every key that has one place, in the order of the settings."""
    return tuple(key for table in tables() if table.shape is Shape.ONCE for key in table.keys)


def every_key() -> tuple[Key, ...]:
    """Return every key: those of tables that people name as they stand in one called NAME."""
    return tuple(key for table in sorted(tables(), key=lambda one: one.shape) for key in table.keys)


def keys_by_path() -> dict[str, Key]:
    """Return every key that has one place, by its path."""
    return {key.path: key for key in keys()}


def value_of(settings: Settings, key: Key) -> Any:
    """Return what the settings have for a key that has one place."""
    return getattr(getattr(settings, key.section), key.field)


def build(values: Mapping[str, Any], places: Iterable[Place]) -> Settings:
    """Make the settings out of a value for each path; what is absent has its default."""
    made: dict[str, Any] = {table.field: () for table in tables()}
    for place in places:
        own, one = place.table.field, _made(place, values)
        made[own] = (*made[own], one) if place.table.is_repeated else one
    return Settings(**made)


def _made(place: Place, values: Mapping[str, Any]) -> Any:
    if place.table.shape is Shape.OPEN:
        start = f"{place.path}."
        return tuple((path[len(start) :], value) for path, value in values.items() if path.startswith(start))
    own = {key.field: f"{place.path}.{key.name}" for key in place.table.keys}
    return place.table.of(**place.own, **{name: values[path] for name, path in own.items() if path in values})


@dataclass(frozen=True, slots=True)
class HeldTable:
    """A table that the settings have, with its keys and their values."""

    table: ConfigTable
    path: str
    keys: tuple[Key, ...]
    values: Any

    @property
    def heading(self) -> str:
        """What a file has between the brackets."""
        return f"[{self.table.name}]" if self.table.shape is Shape.NUMBERED else self.path

    def value(self, key: Key) -> Any:
        """Return the value of one of its keys."""
        return self.values[key.name] if isinstance(self.values, dict) else getattr(self.values, key.field)

    def path_of(self, key: Key) -> str:
        """Return where a file has one of its keys: `set.backend.lock`, `rule[3].who`."""
        return f"{self.path}.{key.name}"


def held_tables(settings: Settings) -> Iterator[HeldTable]:
    """Yield every table that the settings have, in their order."""
    for table in tables():
        held = getattr(settings, table.field)
        if table.shape is Shape.ONCE:
            yield HeldTable(table, table.name, table.keys, held)
        elif table.shape is Shape.NAMED:
            yield from (HeldTable(table, table.path(one.name), table.keys, one) for one in held)
        elif table.shape is Shape.NUMBERED:
            numbers = enumerate(held, start=1)
            yield from (HeldTable(table, table.path(number), table.keys, one) for number, one in numbers)
        elif held:
            yield HeldTable(table, table.name, tuple(table.open_key(name) for name, _ in held), dict(held))


def forwarding_notices(settings: Settings) -> Iterator[str]:
    """Yield what to do where rules go by the address that a proxy tells, until somebody wrote down in which
    header it does."""
    server = settings.server
    asks_where = any(rule.from_ for rule in settings.rules)
    if not server.trusted_proxies or server.forwarded_header is not None or not asks_where:
        return
    lines = "; ".join(f"{proxy}: {line}" for proxy, line in dropping_lines(X_FORWARDED_FOR))
    yield (
        "rules with `from` go by X-Forwarded-For, and a client that sends X_Forwarded_For is believed too, "
        f"unless the proxy drops it ({lines}): then write `forwarded-header = '{X_FORWARDED_FOR}'` into "
        f"[server], or `'{FORWARDED}'` for a proxy that sends this header, which has one spelling"
    )
