"""How a unit of systemd or a compose file starts pypi-server; all else that stands in them is listed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pypitool.core.moving.move_plan import Left
from pypitool.core.moving.starting_line import (
    IN_IMAGE,
    CannotTell,
    Mount,
    Start,
    is_image,
    is_program,
    mounted,
    read_mount,
    read_start,
    split,
)

_EXECUTED = "ExecStart"
_PREFIXES = "@-:+!"  # systemd.service(5): before the program of a command
_OF_UNITS = "of a unit only the words of pypi-server are read"
_OF_COMPOSE = "of a compose file only the words of pypi-server are read, and where its volumes lie"


def unit_user(text: str) -> str | None:
    """Return the user that a unit runs as, if it names one."""
    return next((value for name, value in _directives(text) if name == "User" and value), None)


def read_unit(text: str, source: str, home: str | None) -> Start:
    """Read the start of pypi-server out of a unit; `home` is that of its user."""
    directives = list(_directives(text))
    lines = _effective(value for name, value in directives if name == _EXECUTED)
    if len(lines) != 1:
        raise CannotTell(source, f"a unit with one ExecStart= is expected, and it has {len(lines)}")
    words = split(lines[0].lstrip(_PREFIXES), source)
    directory = next((value for name, value in directives if name == "WorkingDirectory" and value), None)
    if directory is not None:
        directory = directory.lstrip("-")
    start = read_start(words, source, _known(directory, home), home)
    others = [
        Left(f"{name}={value.partition('=')[0] if name == 'Environment' else value}", _OF_UNITS)
        for name, value in directives
        if name not in (_EXECUTED, "WorkingDirectory", "User")
    ]
    return replace(start, percents=True, left=(*start.left, *others))


def _known(directory: str | None, home: str | None) -> str | None:
    if directory is None or directory == "~":
        return home if directory == "~" else None
    return None if "%" in directory or not directory.startswith("/") else directory


def _effective(values: Iterator[str]) -> list[str]:
    kept: list[str] = []
    for value in values:
        kept = [*kept, value] if value else []  # systemd.syntax(7): an empty one forgets those before it
    return kept


def _directives(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands under [Service], lines that go on with a backslash as one."""
    section, whole = "", ""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        whole += line.strip()
        if whole.endswith("\\"):
            whole = f"{whole[:-1]} "
            continue
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
        elif section == "Service" and "=" in whole:
            name, _, value = whole.partition("=")
            yield name.strip(), value.strip()
        whole = ""


def read_compose(document: object, source: str, directory: str, home: str | None) -> Start:
    """Read the start of pypi-server out of a compose file that lies in `directory`."""
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping):
        raise CannotTell(source, "it has no services")
    found = {name: one for name, one in services.items() if isinstance(one, Mapping) and _starts_it(one)}
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise CannotTell(source, f"one service that runs pypi-server is expected, and there is {names}")
    ((name, service),) = found.items()
    start = _of_service(service, f"{source}, service {name}", directory, home)
    assert isinstance(document, Mapping)
    others = (
        *(Left(f"services.{one}", "it runs no pypi-server") for one in services if one != name),
        *(Left(str(one), _OF_COMPOSE) for one in document if one not in ("services", "version")),
    )
    return replace(start, left=(*start.left, *others))


def _starts_it(service: Mapping[str, Any]) -> bool:
    words = [*_texts(service.get("entrypoint")), *_texts(service.get("command"))]
    return is_image(str(service.get("image", ""))) or any("pypi-server" in word for word in words)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list) else []


def _of_service(service: Mapping[str, Any], source: str, directory: str, home: str | None) -> Start:
    words = [word for key in ("entrypoint", "command") for word in _words(service.get(key), source)]
    if is_image(str(service.get("image", ""))) and not any(map(is_program, words)):
        words = [str(service["image"]), *words]
    inner = read_start(words, source, None, None)
    mounts, left = _volumes(service.get("volumes"), directory, home)
    working = service.get("working_dir")
    return replace(
        inner,
        directory=str(working) if working else IN_IMAGE,
        home=IN_IMAGE,
        mounts=mounts,
        in_container=True,
        left=(*inner.left, *left, *_others(service)),
    )


def _words(value: object, source: str) -> list[str]:
    return split(value, source) if isinstance(value, str) else _texts(value)


_READ = frozenset({"image", "entrypoint", "command", "volumes", "working_dir"})


def _others(service: Mapping[str, Any]) -> Iterator[Left]:
    for name, value in service.items():
        if name not in _READ:
            yield Left(f"{name}: {_said(_names(value) if name == 'environment' else value)}", _OF_COMPOSE)


def _names(value: object) -> list[str]:
    """Return the names of variables: what they are set to may be secret."""
    return [str(one).partition("=")[0] for one in value] if isinstance(value, (Mapping, list)) else []


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    return (
        ", ".join(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def _volumes(value: object, directory: str, home: str | None) -> tuple[tuple[Mount, ...], list[Left]]:
    read = [_volume(one, directory, home) for one in value] if isinstance(value, list) else []
    mounts = tuple(one for one in read if isinstance(one, Mount))
    return mounts, [one for one in read if isinstance(one, Left)]


def _volume(value: object, directory: str, home: str | None) -> Mount | Left:
    if not isinstance(value, Mapping):
        return read_mount(str(value), directory, home)
    here, there = str(value.get("source", "")), str(value.get("target", ""))
    if value.get("type") == "bind" and not here.startswith(("/", "./", "../", "~")):
        here = posixpath.join(".", here) if here else here
    return mounted(f"{here}:{there}", here, there, directory, home)
