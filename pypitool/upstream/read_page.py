"""A project's page, read: JSON (PEP 691) by the standard library, HTML (PEP 503) by pypi-simple.

JSON is read hundreds of times in a run. pypi-simple takes 250 ms to import, so it is imported where HTML is
read and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from pypitool.core.json_text import parse_json
from pypitool.core.model import ProjectStatus
from pypitool.core.text import is_text
from pypitool.upstream.html_bounds import refuse_endless
from pypitool.upstream.listing import ListedFile, ParsedPage

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

_FIELDS: tuple[tuple[str, type, bool], ...] = (
    ("filename", str, True),
    ("url", str, True),
    ("hashes", dict, True),
    ("size", int, False),
    ("requires-python", str, False),
    ("upload-time", str, False),
)

_CHARSETS = ("iso-8859-1", "latin-1", "us-ascii", "windows-1252")


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
        _status(word),
        reason if isinstance(reason, str) else None,
    )


def _status(word: object) -> ProjectStatus:
    # PEP 792 lets indexes invent markers; one that nobody here knows forbids nothing.
    known = (status for status in ProjectStatus if status.value == word)
    return next(known, ProjectStatus.ACTIVE)


def _check_version(version: object) -> None:
    # PEP 691: "If the major version is greater than a client supports, it MUST fail".
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise ValueError(f"its api-version is {version!r}, not 1.x")


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
        and (uploaded is None or isinstance(uploaded, str))
    ):
        raise _fault(file)
    metadata = _metadata(get("core-metadata"))
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


def read_html_page(project: NormalizedName, body: bytes, url: str, charset: str | None) -> ParsedPage:
    """Read a page, or raise `ValueError` that says what is wrong with it."""
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    text = _decoded(body, charset)
    refuse_endless(text)
    try:
        page = ProjectPage.from_html(project, text, url)
    except UnsupportedRepoVersionError as error:
        raise ValueError(str(error)) from error
    status = ProjectStatus(page.status.value) if page.status is not None else ProjectStatus.ACTIVE
    return ParsedPage(tuple(_html_entry(package) for package in page.packages), status, page.status_reason)


def _decoded(body: bytes, charset: str | None) -> str:
    # Only what a page really is written in: a server may name any of Python's codecs, odd and slow ones too.
    named = (charset or "").lower()
    try:
        return body.decode(named if named in _CHARSETS else "utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def imported_endpoint() -> str:
    """Return the address of the public PyPI the slow way."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


def _html_entry(package: DistributionPackage) -> ListedFile:
    entry = ListedFile(
        filename=package.filename,
        url=package.url,
        hashes=package.digests,
        size=package.size,
        requires_python=package.requires_python,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        metadata_sha256=(package.metadata_digests or {}).get("sha256"),
    )
    texts = (text for text in (*entry, *package.digests.values()) if isinstance(text, str))
    if not is_text("".join(texts)):
        raise ValueError("it holds half a character, which is no text")
    return entry
