"""The fields of an upload form, made from the metadata in the archive, and what makes metadata invalid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from packaging.metadata import ExceptionGroup, InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.version import Version

from pypitool.core.filenames import Distribution
from pypitool.core.model import Digests
from pypitool.core.text import printable
from pypitool.core.versions import parsed

# Not pluralised in the form, whatever `packaging` calls them.
_RENAMED = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
}
_LICENSE_FILES_SINCE = Version("2.4")
_FIRST_OF_2 = Version("2.1")  # there never was a 2.0


@dataclass(frozen=True, slots=True)
class CheckedMetadata:
    """The metadata of an archive as it is sent, and what is wrong with it."""

    fields: tuple[tuple[str, str], ...]
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    description: str | None = None
    content_type: str | None = None


def check_metadata_body(body: bytes) -> CheckedMetadata:
    """Read METADATA or PKG-INFO as an index will, and say everything that it would refuse."""
    raw, unparsed = parse_email(body)
    said = raw.get("metadata_version", "")
    version = parsed(said) or Version("0")
    if version < _LICENSE_FILES_SINCE:
        # setuptools has written them into older metadata for years; indexes refuse them there.
        raw.pop("license_files", None)
        unparsed.pop("license-file", None)
    invalid = tuple(_invalid(raw))
    # "Automated tools [...] SHOULD warn if metadata_version is greater than the highest version they
    # support": its new fields are unknown here, and no fault.
    is_unknown = any(one.field == "metadata-version" for one in invalid)
    is_newer = is_unknown and version.major == _FIRST_OF_2.major and version > _FIRST_OF_2
    faults = [str(one) for one in invalid if not (is_newer and one.field == "metadata-version")]
    faults += [] if is_newer else [f"`{name}` is unknown, or there more than once" for name in unparsed]
    warning = f"its metadata version {printable(said)} is newer than what can be checked here"
    return CheckedMetadata(
        fields=tuple(_fields(cast("Mapping[str, object]", raw))),
        faults=tuple(f"its metadata is invalid: {printable(fault, 300)}" for fault in sorted(faults)),
        warnings=(warning,) if is_newer else (),
        description=raw.get("description"),
        content_type=raw.get("description_content_type"),
    )


def form_fields(
    distribution: Distribution, metadata: CheckedMetadata, digests: Digests
) -> tuple[tuple[str, str], ...]:
    """Return everything that is sent with a file, in order; the file itself follows."""
    return (
        (":action", "file_upload"),
        ("protocol_version", "1"),
        *metadata.fields,
        ("filetype", distribution.package_type),
        ("pyversion", distribution.python_tag),
        ("sha256_digest", digests.sha256),
        ("blake2_256_digest", digests.blake2b),
    )


def _invalid(raw: RawMetadata) -> Iterator[InvalidMetadata]:
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        yield from (one for one in group.exceptions if isinstance(one, InvalidMetadata))


def _fields(raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(raw.items()):
        field = _RENAMED.get(name, name)
        if isinstance(value, str):
            yield field, value
        elif name == "keywords" and isinstance(value, list):
            yield field, ", ".join(value)
        elif isinstance(value, list):
            yield from ((field, one) for one in value)
        elif isinstance(value, dict):
            yield from ((field, f"{label}, {address}") for label, address in value.items())
