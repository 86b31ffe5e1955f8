"""A project's page in JSON (PEP 691), read by the standard library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pypitool.core.json_text import parse_json
from pypitool.core.model import ProjectStatus
from pypitool.core.text import printable
from pypitool.upstream.listing import ListedFile, ParsedPage

_FIELDS: tuple[tuple[str, type, bool], ...] = (
    ("filename", str, True),
    ("url", str, True),
    ("hashes", dict, True),
    ("size", int, False),
    ("requires-python", str, False),
)


def read_json_page(body: bytes) -> ParsedPage:
    """Read a page, or raise `ValueError` that says what is wrong with it."""
    document = parse_json(body)
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    _check_version(_of(document, "meta", dict).get("api-version"))
    status = document.get("project-status")
    word, reason = (status.get("status"), status.get("reason")) if isinstance(status, dict) else (None, None)
    return ParsedPage(
        tuple(_entries(_of(document, "files", list))),
        known_status(word),
        reason if isinstance(reason, str) else None,
    )


def known_status(word: object) -> ProjectStatus:
    """Return what a page says of its project."""
    # PEP 792 lets indexes invent markers; one that nobody here knows forbids nothing.
    known = (status for status in ProjectStatus if status.value == word)
    return next(known, ProjectStatus.ACTIVE)


def _check_version(version: object) -> None:
    # PEP 691: "If the major version is greater than a client supports, it MUST fail".
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise ValueError(f"its api-version is {printable(repr(version))}, not 1.x")


def _entries(files: list[Any]) -> Iterator[ListedFile]:
    for number, file in enumerate(files):
        try:
            yield _entry(file)
        except ValueError as error:
            raise ValueError(f"files[{number}]: {error}") from None


def _entry(file: Any) -> ListedFile:
    if not isinstance(file, dict):
        raise ValueError("it is no object")
    get = file.get
    name, url, hashes = get("filename"), get("url"), get("hashes")
    size, requires, uploaded = get("size"), get("requires-python"), get("upload-time")
    # Without a call for each: there are thousands of files, and nearly all of them are sound.
    if not (
        isinstance(name, str)
        and isinstance(url, str)
        and isinstance(hashes, dict)
        and (size is None or (type(size) is int and size >= 0))
        and (requires is None or isinstance(requires, str))
    ):
        raise _fault(file)
    metadata = _metadata(get("core-metadata"))
    if not isinstance(uploaded, str):
        uploaded = None  # a number, say: then nobody knows when, and the file is as good as others
    return ListedFile(name, url, hashes, size, requires, _yanked(get("yanked")), uploaded, metadata)


def _fault(file: Mapping[str, Any]) -> ValueError:
    for key, kind, is_needed in _FIELDS:
        value = file.get(key)
        if value is None and is_needed:
            return ValueError(f"its {key} is missing")
        if value is not None and not isinstance(value, kind):
            return ValueError(f"its {key} is of a wrong type")
    return ValueError("its size is no number of bytes")


def _of(holder: Mapping[str, Any], key: str, kind: type) -> Any:
    value = holder.get(key)
    if not isinstance(value, kind):
        raise ValueError(f"its {key} is {'missing' if value is None else 'of a wrong type'}")
    return value


def _yanked(value: Any) -> str | None:
    # PEP 592: "may be a boolean or a non-empty string"; pip takes an empty one for not yanked.
    if not value:
        return None
    return value if isinstance(value, str) else ""


def _metadata(value: Any) -> str | None:
    found = value.get("sha256") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
