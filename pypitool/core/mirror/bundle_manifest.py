"""The manifest of a bundle: what is said of each file, checked before anything is done with any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pypitool.core.filenames import BadFilename, parse
from pypitool.core.json_text import parse_json
from pypitool.core.model import OriginKind
from pypitool.core.text import parse_timestamp, printable

FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EARLIEST = "1970"  # as the clocks of files; a year of three digits would be one that clients cannot read


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """What the manifest says of one file."""

    name: str
    project: str
    version: str
    size: int
    sha256: str
    upload_time: str
    requires_python: str | None
    yanked: str | None
    origin: dict[str, str]
    metadata_sha256: str | None


def read_manifest(body: bytes) -> tuple[BundleEntry, ...]:
    """Read a manifest, or raise `ValueError` that says what is wrong with it."""
    try:
        document = parse_json(body)
    except ValueError as error:
        raise ValueError(f"its manifest cannot be read ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise ValueError("its manifest cannot be read (it has no list of files)")
    form = document.get("format")
    if type(form) is not int or form != FORMAT:
        raise ValueError(f"its format is {printable(str(form))}; this release reads {FORMAT}")
    entries = tuple(_entry(number, file) for number, file in enumerate(document["files"]))
    if len({entry.name for entry in entries}) != len(entries):
        raise ValueError("its manifest names a file twice")
    return entries


def _entry(number: int, said: object) -> BundleEntry:
    names = {field.name for field in fields(BundleEntry)}
    if not isinstance(said, dict) or said.keys() != names:
        raise ValueError(f"its manifest cannot be read (files[{number}] has not the fields of a file)")
    for name, is_right in _RULES.items():
        if not is_right(said[name]):
            raise ValueError(f"its manifest has a faulty file: the {name} of files[{number}] is none")
    _check_name(number, said)
    return BundleEntry(**said)


def _check_name(number: int, said: Mapping[str, Any]) -> None:
    try:
        distribution = parse(said["name"])
    except BadFilename as error:
        raise ValueError(f"its manifest has a faulty file: {error}") from error
    if distribution.project != said["project"]:
        raise ValueError(f"`{said['name']}` is no file of {printable(said['project'])}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_moment(value: object) -> bool:
    # As it will be served: clients refuse a whole page for one time that they cannot read.
    if not isinstance(value, str) or len(value) != len("2026-01-01T00:00:00.000000Z") or not value.isascii():
        return False
    try:
        parse_timestamp(value)
    except (ValueError, OverflowError):
        return False
    return value >= _EARLIEST


def _is_origin(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"kind", "detail"}:
        return False
    kinds = {kind.value for kind in OriginKind}
    return isinstance(value["kind"], str) and value["kind"] in kinds and isinstance(value["detail"], str)


_RULES: Mapping[str, Callable[[object], bool]] = {
    "name": _is_text,
    "project": _is_text,
    "version": _is_text,
    "size": _is_size,
    "sha256": _is_digest,
    "upload_time": _is_moment,
    "requires_python": _is_text_or_null,
    "yanked": _is_text_or_null,
    "origin": _is_origin,
    "metadata_sha256": lambda value: value is None or _is_digest(value),
}
