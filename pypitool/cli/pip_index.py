"""What pip is told about indexes on this machine: never obeyed, and named where no index of ours answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser, Error
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.upstream.upstream import Upstream

_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_LONGEST = 1024 * 1024


def hint_of_another_index(upstreams: Sequence[Upstream], environ: Mapping[str, str]) -> str | None:
    """Name the index of another host that pip or uv is told of here, if there is one."""
    from pypitool.upstream.upstream_errors import redacted

    asked = {_host(upstream.index) for upstream in upstreams}
    for source, index in _told(environ) if asked else ():
        if _host(index) not in asked:
            use = "is not read here: name it with -i, or as `index` of an [upstream.NAME]"
            return f"{source} has another index, {redacted(index)}, which {use}"
    return None


@contextmanager
def hinting(upstreams: Sequence[Upstream], environ: Mapping[str, str]) -> Iterator[None]:
    """Give that hint to an error which says that no index answered."""
    try:
        yield
    except PypitoolError as error:
        if error.kind is Kind.UNAVAILABLE and error.hint is None:
            error.hint = hint_of_another_index(upstreams, environ)
        raise


def _told(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((name, environ[name].strip()) for name in _VARIABLES if environ.get(name, "").strip())
    for file in _files(environ):
        index = _index_in(file)
        if index is not None:
            yield str(file), index


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's files, the strongest first; https://pip.pypa.io/en/stable/topics/configuration/."""
    home = environ.get("HOME")
    if environ.get("PIP_CONFIG_FILE"):
        yield Path(environ["PIP_CONFIG_FILE"])
    yield Path(environ.get("VIRTUAL_ENV") or sys.prefix) / "pip.conf"
    if home:
        yield Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config") / "pip" / "pip.conf"
        yield Path(home) / ".pip" / "pip.conf"
    yield Path("/etc/xdg/pip/pip.conf")
    yield Path("/etc/pip.conf")


def _index_in(file: Path) -> str | None:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        with file.open(encoding="utf-8") as stream:
            parser.read_string(stream.read(_LONGEST))
    except (OSError, ValueError, Error):
        return None
    index = parser.get("global", "index-url", fallback="").strip()
    return index or None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
