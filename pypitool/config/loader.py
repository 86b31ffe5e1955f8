"""The configuration, read: flags over variables over files over defaults, all faults at once.

What is left of a configuration without its faults: for who looks at it, never for who serves.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypitool.config import job_tables, mirror_tables, publisher_tables, rights_tables, server_table
from pypitool.config.config_files import SYSTEM_FILE, candidate_files, named_file, parse_toml
from pypitool.config.faults import ConfigFault, refusal
from pypitool.config.gathered import Gathered, Layer, Place, SettingOrigin
from pypitool.config.job_tables import Operands
from pypitool.config.keys import Shape
from pypitool.config.layers import document_layer, flags_layer, gather, variables_layer
from pypitool.config.settings import Settings, build, tables
from pypitool.config.upstream_tables import two_passwords
from pypitool.core.container import IN_CONTAINER, STOP_SECONDS
from pypitool.core.state_files import SERVICE

_PACKAGES, _READ_ONLY, _STOP_TIMEOUT = "server.packages", "server.read-only", "server.stop-timeout"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings that count, where each came from, and what to tell about them."""

    settings: Settings
    origins: Mapping[str, SettingOrigin]
    notices: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def load_settings(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    *,
    system_file: Path = SYSTEM_FILE,
    service: Path = SERVICE,
    operands: Operands | None = None,
    tolerated: list[ConfigFault] | None = None,
) -> Loaded:
    """Return the settings, or raise `BadConfiguration` with every fault.

    `flags` has parsed values by the path of their key (`{"server.port": 8081}`). Each key counts from the
    strongest source that has it: a flag, a PYPITOOL_ variable, `config_file` (else PYPITOOL_CONFIG), the
    user's file, the system's file, its default. `operands` judges the command lines of jobs.

    With `tolerated` nothing is raised: faults are added to it, and what is faulty has its default.
    """
    here = Path.cwd()
    candidates = candidate_files(environ, config_file, system_file=system_file)
    named = named_file(environ, config_file)
    files = tuple(file for file in candidates if file == named or os.path.lexists(file))
    layers = [
        *(_file_layer(file) for file in files),
        variables_layer(environ, here),
        flags_layer(flags, here),
    ]
    gathered = gather(layers)
    faults = [fault for layer in layers for fault in layer.faults]
    faults += _faults_between(gathered, {fault.path for fault in faults}, operands)
    if faults and tolerated is None:
        raise refusal(faults)
    values = {path: one.value for path, one in gathered.given.items()}
    notices = server_table.use_held_hash(values)
    rights_tables.use_no_passwords(values)
    places: Iterable[Place] = gathered.places.values()
    if tolerated is not None:
        tolerated += faults
        places = _whole(places, values)
    origins = {path: one.origin for path, one in gathered.given.items()}
    if origins[_PACKAGES].is_default:
        notices += _use_service(values, service)
    if IN_CONTAINER in environ:
        notices += _use_container(values, origins)
    return Loaded(build(values, places), origins, notices, files)


def _use_service(values: dict[str, Any], service: Path) -> tuple[str, ...]:
    """Let root mean the directory that the service serves by default: in its home, not in that of root."""
    (default,) = values[_PACKAGES]
    served = service / default.name
    if os.geteuid() != 0 or not served.is_dir() or default.exists():
        return ()
    values[_PACKAGES] = (served,)
    return (f"no packages are configured: those of the service are meant, {served}",)


def _use_container(values: dict[str, Any], origins: Mapping[str, SettingOrigin]) -> tuple[str, ...]:
    """Let what nobody has said fit a container: what is mounted read-only is served so."""
    if origins[_STOP_TIMEOUT].is_default:
        values[_STOP_TIMEOUT] = STOP_SECONDS
    first = values[_PACKAGES][0]
    if not origins[_READ_ONLY].is_default or not _is_read_only(first):
        return ()
    values[_READ_ONLY] = True
    return (f"{first} is mounted read-only: it is served without uploads",)


def _is_read_only(directory: Path) -> bool:
    try:
        return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)
    except OSError:  # it is not there, and who needs it says so
        return False


def _file_layer(file: Path) -> Layer:
    try:
        text = file.read_text(encoding="utf-8")
        document = parse_toml(text)
    except OSError as fault:
        return Layer({}, (ConfigFault(str(file), "", f"cannot be read: {fault.strerror}"),))
    except ValueError as fault:  # both TOMLDecodeError and UnicodeDecodeError
        reason = str(fault)
        return Layer({}, (ConfigFault(str(file), "", f"is not TOML: {reason[:1].lower()}{reason[1:]}"),))
    return document_layer(document, text, str(file), file.parent)


def _faults_between(
    gathered: Gathered, faulty: Collection[str], operands: Operands | None
) -> Iterator[ConfigFault]:
    """Yield what keys and tables demand of each other; what stands at a `faulty` path has been reported."""
    yield from rights_tables.account_faults(gathered)
    yield from server_table.tls_faults(gathered)
    yield from server_table.health_faults(gathered)
    yield from rights_tables.header_faults(gathered)
    yield from _missing(gathered, faulty, Shape.NAMED)
    yield from mirror_tables.set_faults(gathered, faulty)
    yield from two_passwords(gathered)
    yield from mirror_tables.unknown_targets(gathered)
    yield from _missing(gathered, faulty, Shape.NUMBERED)
    yield from rights_tables.rights_faults(gathered, faulty)
    yield from publisher_tables.publisher_faults(gathered, faulty)
    if operands is not None:
        yield from job_tables.unusable_jobs(gathered, operands)


def _missing(gathered: Gathered, faulty: Collection[str], shape: Shape) -> Iterator[ConfigFault]:
    # A fault in a table that is a value stands at a path of its own below.
    reported = {*faulty, *(path.rpartition(".")[0] for path in faulty)}
    places = (place for place in gathered.places.values() if place.table.shape is shape)
    for place in sorted(places, key=lambda place: tables().index(place.table)):
        for key in place.table.keys:
            path = f"{place.path}.{key.name}"
            if key.demanded and path not in gathered.given and path not in reported:
                yield ConfigFault(place.source, place.path, f"needs `{key.name}`")


def _whole(places: Iterable[Place], values: Mapping[str, Any]) -> Iterator[Place]:
    """Yield the tables that have everything that they need; of rules none if one has not: a part of them is
    other rules."""
    kept = tuple(places)
    broken = [place for place in kept if not _is_whole(place, values)]
    arrays = [place.table for place in broken if place.table.shape is Shape.NUMBERED]
    return (place for place in kept if place not in broken and place.table not in arrays)


def _is_whole(place: Place, values: Mapping[str, Any]) -> bool:
    return place.table.shape is Shape.OPEN or all(
        f"{place.path}.{key.name}" in values for key in place.table.keys if key.demanded
    )
