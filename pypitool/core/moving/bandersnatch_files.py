"""What bandersnatch's configuration and its JSON say: where the mirror lies, and how old its files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.moving.move_plan import KnownFile, Left
from pypitool.core.text import timestamp

WEB_PACKAGES = "web/packages"
_NOT_READ = "of bandersnatch's configuration only `directory` and `master` are read"
_FILTERS = "what is mirrored from now on a `[set.NAME]` says, see `pypitool sync`"
_READ = frozenset({"directory", "master", "storage-backend"})


class NoMirror(PypitoolError):
    """A configuration does not say where the files of a mirror lie."""

    kind = Kind.INVALID
    sentence = "{path}: {reason}"
    hint = "name the folder itself, the one with `web` in it"
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class OldMirror:
    """A mirror of bandersnatch: where it lies, from where it came, and what else its configuration says."""

    directory: str
    master: str | None = None
    left: tuple[Left, ...] = ()


def read_mirror(text: str, source: str) -> OldMirror:
    """Read the configuration of bandersnatch."""
    parser = RawConfigParser(delimiters=("=",), strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except Error as error:
        raise NoMirror(source, f"it is no configuration: {error.message}") from None
    mirror = dict(parser["mirror"]) if parser.has_section("mirror") else {}
    directory = mirror.get("directory") or ""
    if not directory.startswith("/") or any(sign in directory for sign in "${%"):
        reason = "`directory` of its [mirror] is no whole path" if directory else "it has no `directory`"
        raise NoMirror(source, reason)
    backend = mirror.get("storage-backend") or "filesystem"
    if backend != "filesystem":
        raise NoMirror(source, f"its files lie in `{backend}`, and not on this machine")
    return OldMirror(directory, mirror.get("master") or None, tuple(_left(parser)))


def _left(parser: RawConfigParser) -> Iterator[Left]:
    for section in parser.sections():
        own = section == "mirror"
        for name, value in parser.items(section):
            if not (own and name in _READ):
                words = " ".join((value or "").split())
                yield Left(f"[{section}] {name} = {words}".rstrip(), _NOT_READ if own else _FILTERS)


def files_of(document: object) -> Iterator[KnownFile]:
    """Yield the files that a document of a project names: of `web/json`, or a page of `web/simple`."""
    if not isinstance(document, Mapping):
        return
    releases = document.get("releases")
    if isinstance(releases, Mapping):
        for files in releases.values():
            yield from _each(files)
    yield from _each(document.get("files"))


def _each(files: object) -> Iterator[KnownFile]:
    for one in files if isinstance(files, list) else ():
        known = _file(one) if isinstance(one, Mapping) else None
        if known is not None:
            yield known


def _file(one: Mapping[str, Any]) -> KnownFile | None:
    hashes = one.get("digests") or one.get("hashes")
    sha256 = hashes.get("sha256") if isinstance(hashes, Mapping) else None
    name = one.get("filename")
    if not isinstance(name, str) or not isinstance(sha256, str):
        return None
    uploaded = one.get("upload_time_iso_8601") or one.get("upload-time") or one.get("upload_time")
    return KnownFile(name, sha256.lower(), moment(uploaded), _yanked(one))


def _yanked(one: Mapping[str, Any]) -> str | None:
    yanked = one.get("yanked")
    if not yanked:
        return None
    reason = yanked if isinstance(yanked, str) else one.get("yanked_reason")
    return reason if isinstance(reason, str) else ""


def moment(value: object) -> str | None:
    """Return a moment as our files write it; None where it is none. One without a zone is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        # Before Python 3.11 it knows no Z.
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return timestamp(found if found.tzinfo else found.replace(tzinfo=timezone.utc))
