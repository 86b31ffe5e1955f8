"""`dataindex.json`, which devpi writes with `--export`: the files of one index, and who uploaded them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.moving.move_plan import FileToMove, Left, OldSetting
from pypitool.core.retry_wait import parse_http_date
from pypitool.core.text import timestamp

_VERSIONS = ("1", "2")
_STAGE, _MIRROR = "stage", "mirror"
_RELEASE = "releasefile"
_UPLOADS = "who may upload is said by [[rule]], see docs/rights.md"
_KEPT_OUT = {
    "doczip": "documentation is not served",
    "toxresult": "results of tests are not kept",
}
# What an index of devpi has by default, or what means nothing without devpi.
_SILENT = frozenset({"type", "bases", "acl_toxresult_upload", "mirror_whitelist_inheritance", "projects"})


class NoExport(PypitoolError):
    """There is nothing that devpi has exported, or nothing that can be read."""

    kind = Kind.INVALID
    sentence = "{path}: {reason}"
    hint = "name the folder that `devpi-export FOLDER`, or `devpi-server --export FOLDER`, has written"
    path: str
    reason: str


class WhichIndex(PypitoolError):
    """An export has several indexes, or not the one that was asked for."""

    kind = Kind.USAGE
    sentence = "{source} has the indexes {indexes}"
    hint = "choose one with `--index USER/NAME`: one index is moved at a time"
    source: str
    indexes: str


@dataclass(frozen=True, slots=True)
class Export:
    """One index of an export."""

    index: str
    files: tuple[FileToMove, ...]
    given: tuple[OldSetting, ...]
    left: tuple[Left, ...]
    people: tuple[str, ...]


def read_export(document: object, source: str, index: str | None) -> Export:
    """Read one index out of an export: the one that was asked for, or the only one that takes uploads."""
    if not isinstance(document, Mapping) or not isinstance(document.get("indexes"), Mapping):
        raise NoExport(source, "it has no indexes")
    version = str(document.get("dumpversion"))
    if version not in _VERSIONS:
        raise NoExport(source, f"it has version {version} of devpi's export, and none but 1 and 2 are known")
    indexes = {name: one for name, one in document["indexes"].items() if isinstance(one, Mapping)}
    chosen = _chosen(indexes, source, index)
    held = indexes[chosen]
    entries = [one for one in _items(held.get("files")) if isinstance(one, Mapping)]
    files, left = _files(entries)
    given, settings_left = _settings(chosen, _config(held), indexes)
    others = tuple(
        Left(name, "another index; run this again with `--index`")
        for name in _stages(indexes)
        if name != chosen
    )
    people = tuple(
        sorted(name for name in _names(document.get("users")) if isinstance(name, str) and name != "root")
    )
    return Export(chosen, files, given, (*left, *settings_left, *others), people)


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _names(value: object) -> list[Any]:
    return list(value) if isinstance(value, Mapping) else []


def _config(index: Mapping[str, Any]) -> Mapping[str, Any]:
    config = index.get("indexconfig")
    return config if isinstance(config, Mapping) else {}


def _stages(indexes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted(name for name, one in indexes.items() if _config(one).get("type", _STAGE) != _MIRROR)


def _chosen(indexes: Mapping[str, Mapping[str, Any]], source: str, index: str | None) -> str:
    stages = _stages(indexes)
    if index is None and len(stages) == 1:
        return stages[0]
    if index is None or index not in stages:
        raise WhichIndex(source, ", ".join(stages) or "of mirrors only")
    return index


def _files(entries: Sequence[Mapping[str, Any]]) -> tuple[tuple[FileToMove, ...], list[Left]]:
    files, left = list[FileToMove](), list[Left]()
    for entry in entries:
        relpath, kind = entry.get("relpath"), entry.get("type")
        if not isinstance(relpath, str):
            left.append(Left(f"a {kind} of {entry.get('projectname')}", "it does not say where it lies"))
        elif kind != _RELEASE:
            left.append(Left(relpath, _KEPT_OUT.get(str(kind), f"`{kind}` is not known")))
        elif _is_outside(relpath):
            left.append(Left(relpath, "it lies outside of the export"))
        else:
            files.append(_file(entry, relpath))
    return tuple(files), left


def _is_outside(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


def _file(entry: Mapping[str, Any], relpath: str) -> FileToMove:
    uploader, uploaded = _upload(entry)
    return FileToMove(relpath, posixpath.basename(relpath), _sha256(entry), uploader, uploaded)


def _sha256(entry: Mapping[str, Any]) -> str | None:
    mapping = entry.get("entrymapping")
    mapping = mapping if isinstance(mapping, Mapping) else {}
    hashes = mapping.get("hashes")
    if isinstance(hashes, Mapping) and isinstance(hashes.get("sha256"), str):
        return str(hashes["sha256"])
    kind, _, value = str(mapping.get("hash_spec", "")).partition("=")
    return value if kind == "sha256" and value else None


def _upload(entry: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return who uploaded a file, and when: a later push into another index is no upload."""
    uploads = [
        one for one in _items(entry.get("log")) if isinstance(one, Mapping) and one.get("what") == "upload"
    ]
    if not uploads:
        return None, _last_modified(entry)
    who = uploads[-1].get("who")
    return (who if isinstance(who, str) and who else None), _moment(uploads[-1].get("when"))


def _last_modified(entry: Mapping[str, Any]) -> str | None:
    """Return since when the file of an entry exists that says nothing of its upload."""
    mapping = entry.get("entrymapping")
    date = mapping.get("last_modified") if isinstance(mapping, Mapping) else None
    found = parse_http_date(date) if isinstance(date, str) else None
    return None if found is None else timestamp(found)


def _moment(when: object) -> str | None:
    if not isinstance(when, list):
        return None
    try:
        year, month, day, hour, minute, second = when[:6]
        return timestamp(datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc))
    except (TypeError, ValueError):
        return None


def _settings(
    index: str, config: Mapping[str, Any], indexes: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[OldSetting, ...], list[Left]]:
    given, left = list[OldSetting](), list(_rules(config))
    bases = [one for one in _items(config.get("bases")) if isinstance(one, str)]
    mirrors = [one for one in bases if _config(indexes.get(one, {})).get("type") == _MIRROR]
    left += [
        Left(f"base {one}", "its files come with `--index`, or not at all")
        for one in bases
        if one not in mirrors
    ]
    if not bases:
        given.append(OldSetting("server.disable-fallback", "true", f"{index} has no bases"))
    elif mirrors:
        url = _config(indexes[mirrors[0]]).get("mirror_url")
        if isinstance(url, str) and url:
            given.append(OldSetting("server.fallback-url", url, f"base {mirrors[0]}"))
        left += [Left(f"base {one}", "unknown projects are sent to one place") for one in mirrors[1:]]
    else:
        # What its bases lead to may be a mirror: nobody is sent anywhere until somebody says so.
        given.append(OldSetting("server.disable-fallback", "true", "no base is a mirror"))
    return tuple(given), left


def _rules(config: Mapping[str, Any]) -> Iterator[Left]:
    for name, value in sorted(config.items()):
        if name in _SILENT or value in (None, False, [], ""):
            continue
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()
        why = _UPLOADS if name == "acl_upload" else _WHY.get(name, "it is not known here")
        yield Left(f"{name} = {said}", why)


_WHY = {
    "volatile": "a release may be replaced with `overwrite = true` only",
    "mirror_whitelist": "names that are ours alone stand in `[policy] private`",
    "title": "an index has no title",
    "description": "an index has no description",
}
