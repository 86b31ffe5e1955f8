"""Core metadata (METADATA, PKG-INFO): read with the patience that fifteen years of files demand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.limits import REQUIRES_PYTHON
from pypitool.core.names import is_valid_name
from pypitool.core.text import printable
from pypitool.core.versions import are_readable, parsed

_HIGHEST_MAJOR = 2
_STATIC_SDISTS = Version("2.2")
# Lines end as the email parser of pip ends them: str.splitlines would split at U+2028 too.
_LINE_END = re.compile(r"\r\n|\r(?!\n)|\n")
_HEAD_END = re.compile(rf"(?:\A|{_LINE_END.pattern})(?:{_LINE_END.pattern})")
_FIELD = re.compile(r"([!-9;-~]*):(.*)", re.DOTALL)
# distutils indents a long field by eight spaces; metadata 1.1 said seven and a bar.
_INDENT = re.compile(r"(?: {7}\|| {8}|\t)")


class BadMetadata(PypitoolError):
    """Core metadata that says too little, or in a version that nobody knows yet."""

    kind = Kind.INVALID
    sentence = "the core metadata is unusable: {reason}"
    reason: str


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What a distribution says about itself; absent and `UNKNOWN` are None or empty."""

    name: str
    version: str
    metadata_version: str = "1.0"
    summary: str | None = None
    description: str | None = None
    description_content_type: str | None = None
    keywords: str | None = None
    author: str | None = None
    author_email: str | None = None
    maintainer: str | None = None
    maintainer_email: str | None = None
    license: str | None = None
    license_expression: str | None = None
    license_files: tuple[str, ...] = ()
    classifiers: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    supported_platforms: tuple[str, ...] = ()
    home_page: str | None = None
    download_url: str | None = None
    project_urls: tuple[str, ...] = ()  # "Label, address"
    requires_python: str | None = None  # only if every client can read it
    requires_dist: tuple[str, ...] = ()
    requires_external: tuple[str, ...] = ()
    provides_extra: tuple[str, ...] = ()
    provides_dist: tuple[str, ...] = ()
    obsoletes_dist: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    import_names: tuple[str, ...] = ()
    import_namespaces: tuple[str, ...] = ()

    @property
    def project(self) -> NormalizedName:
        """The normalised name."""
        return canonicalize_name(self.name)


_MANY_LINES = frozenset({"description", "license"})
_DEPENDENCIES = frozenset({"metadata_version", "requires_dist", "dynamic"})


def parse_metadata(body: bytes) -> CoreMetadata:
    """Read METADATA or PKG-INFO, or raise `BadMetadata` where it names no project and version."""
    head, description = _halves(_decoded(body))
    fields: dict[str, list[str]] = {}
    for name, value in _fields(head):
        fields.setdefault(name, []).append(value)
    _check_major(_first(fields, "metadata_version") or "1.0")
    if description.strip():
        fields["description"] = [description]
    return _assembled(fields)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the metadata of a release says it depends on, and how far that can be believed."""

    metadata_version: str
    requires_dist: tuple[str, ...]
    dynamic: tuple[str, ...]

    @property
    def is_static(self) -> bool:
        """Whether what an sdist says of its dependencies is what its wheels will say (PEP 643)."""
        version = parsed(self.metadata_version)
        recent = version is not None and version >= _STATIC_SDISTS
        return recent and not any(name.lower() == "requires-dist" for name in self.dynamic)


def parse_dependencies(body: bytes) -> Dependencies:
    """Read what a proof needs of METADATA that was read before; a set has hundreds of them."""
    fields: dict[str, list[str]] = {}
    for name, value in _fields(_halves(_decoded(body))[0]):
        if name in _DEPENDENCIES:
            fields.setdefault(name, []).append(value)
    version = _first(fields, "metadata_version") or "1.0"
    return Dependencies(version, _all(fields, "requires_dist"), _all(fields, "dynamic"))


def clean_requires_python(text: str | None) -> str | None:
    """Return a Requires-Python that every client can read, or None."""
    if text is None or len(text) > REQUIRES_PYTHON.most:
        return None
    try:
        specifiers = SpecifierSet(text)
    except InvalidSpecifier:
        return None
    # `>=3.6,` passes here and not everywhere. What does not pass would spoil the page for some clients.
    return text.strip().strip(",") if len(specifiers) and are_readable(specifiers) else None


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What is not UTF-8 was written before Python 3, nearly always in Latin-1; that never fails.
        return body.decode("latin-1")


def _halves(text: str) -> tuple[str, str]:
    end = _HEAD_END.search(text)
    return (text[: end.start()], text[end.end() :]) if end else (text, "")


def _fields(head: str) -> Iterator[tuple[str, str]]:
    """Yield each field with its continuation lines, named as `CoreMetadata` names them."""
    name, lines = "", [""]
    for line in _LINE_END.split(head):
        if line[:1] in (" ", "\t"):
            lines.append(line)
            continue
        if name:
            yield name, _unfolded(name, lines)
        found = _FIELD.fullmatch(line)
        if found is None:
            return  # email parsers, and so pip, take the rest for the body: what it says is no field
        name, lines = found[1].lower().replace("-", "_"), [found[2]]
    if name:
        yield name, _unfolded(name, lines)


def _unfolded(name: str, lines: list[str]) -> str:
    if name in _MANY_LINES:
        return "\n".join([lines[0].strip(), *(_INDENT.sub("", line, count=1) for line in lines[1:])]).strip()
    return " ".join(line.strip() for line in lines).strip()


def _check_major(version: str) -> None:
    # "Automated tools [...] SHOULD warn if metadata_version is greater than the highest version they
    # support, and MUST fail if metadata_version has a greater major version".
    major = version.partition(".")[0]
    if major.isdecimal() and len(major) < 10 and int(major) > _HIGHEST_MAJOR:
        raise BadMetadata(f"its version {printable(version)} is newer than {_HIGHEST_MAJOR}.x")


def _assembled(fields: Mapping[str, list[str]]) -> CoreMetadata:
    name, version = (next(iter(fields.get(key, ())), "") for key in ("name", "version"))
    if not is_valid_name(name):
        raise BadMetadata(
            f"it names no valid project: `{printable(name)}`" if name else "it names no project"
        )
    if not version:
        raise BadMetadata("it names no version")
    text, texts = partial(_first, fields), partial(_all, fields)
    return CoreMetadata(
        name=name,
        version=version,
        metadata_version=text("metadata_version") or "1.0",
        summary=text("summary"),
        description=text("description"),
        description_content_type=text("description_content_type"),
        keywords=text("keywords"),
        author=text("author"),
        author_email=text("author_email"),
        maintainer=text("maintainer"),
        maintainer_email=text("maintainer_email"),
        license=text("license"),
        license_expression=text("license_expression"),
        license_files=texts("license_file"),
        classifiers=texts("classifier"),
        platforms=texts("platform"),
        supported_platforms=texts("supported_platform"),
        home_page=text("home_page"),
        download_url=text("download_url"),
        project_urls=texts("project_url"),
        requires_python=clean_requires_python(text("requires_python")),
        requires_dist=texts("requires_dist"),
        requires_external=texts("requires_external"),
        provides_extra=texts("provides_extra"),
        provides_dist=texts("provides_dist"),
        obsoletes_dist=texts("obsoletes_dist"),
        dynamic=texts("dynamic"),
        import_names=texts("import_name"),
        import_namespaces=texts("import_namespace"),
    )


def _first(fields: Mapping[str, list[str]], name: str) -> str | None:
    return next(iter(_all(fields, name)), None)


def _all(fields: Mapping[str, list[str]], name: str) -> tuple[str, ...]:
    # distutils wrote UNKNOWN where it knew nothing.
    return tuple(value for value in fields.get(name, ()) if value not in ("", "UNKNOWN"))
