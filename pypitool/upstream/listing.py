"""The files of a page before anybody has read their names: a page lists hundreds, and a run wants a few.

Reading a name with its version and its tags takes 30 µs; on forty pages that is a quarter of a second.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urljoin

from packaging.tags import Tag
from packaging.utils import BuildTag, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.filenames import LONGEST_NAME, BadFilename, parse
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind, ProjectStatus
from pypitool.core.text import timestamp
from pypitool.core.versions import parsed

_STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}
# PEP 700: `yyyy-mm-ddThh:mm:ss.ffffffZ`, with fewer digits or none; zones occur all the same.
_MOMENT = re.compile(
    r"(?P<day>(?:19|2\d)\d\d-\d\d-\d\d)[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d)?"
    r"(?:[.,](?P<fraction>\d{1,12}))? ?(?P<zone>[Zz]|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_AS_WE_WRITE_IT = re.compile(r"(?:19|2\d)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
# Of an address that is whole, and of plain characters, joining would make the same.
_WHOLE = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._/%+-]*(?:#[A-Za-z0-9=_-]+)?", re.ASCII)
_SDISTS = (".tar.gz", ".zip")

Wants = Callable[[Version], bool]


class ListedFile(NamedTuple):
    """One file as a page lists it."""

    filename: str
    url: str  # relative ones are of the page's address
    hashes: Mapping[str, object]  # of which only texts count
    size: int | None = None
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = None  # as the page writes it
    metadata_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What stands on a page, whatever it was written in."""

    entries: tuple[ListedFile, ...]
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that one page lists of a project."""

    project: NormalizedName
    base: str  # the address of the page
    entries: tuple[ListedFile, ...] = ()

    def candidates(self, wants: Wants | None = None) -> tuple[Candidate, ...]:
        """Return the files of this project, or those of the versions that are wanted."""
        return tuple(self._candidates(wants))

    def named(self, filenames: Mapping[str, object]) -> Iterator[Candidate]:
        """Yield the files of these names."""
        names = _ReadNames()
        for entry in self.entries:
            if entry.filename in filenames and (found := self._candidate(entry, names)) is not None:
                yield found

    def pack(self) -> bytes:
        """Write it down, to be remembered."""
        return zlib.compress(json.dumps([self.base, self.entries], separators=(",", ":")).encode(), 1)

    @classmethod
    def unpack(cls, project: NormalizedName, packed: bytes) -> Listing:
        """Read what `pack` wrote."""
        base, entries = json.loads(zlib.decompress(packed))
        return cls(project, base, tuple(ListedFile(*entry) for entry in entries))

    def _candidates(self, wants: Wants | None) -> Iterator[Candidate]:
        names = _ReadNames()
        for entry in self.entries if wants is None else self._worth_reading(wants):
            found = self._candidate(entry, names)
            if found is not None and (wants is None or wants(found.version)):
                yield found

    def _worth_reading(self, wants: Wants) -> Iterator[ListedFile]:
        """Yield what the text of its version alone does not exclude, where that part is beyond doubt."""
        judged: dict[str | None, bool] = {None: True}
        names: dict[str, bool] = {}
        for entry in self.entries:
            text = _version_text(entry.filename, self.project, names)
            if text not in judged:
                version = parsed(text or "")
                judged[text] = version is None or wants(version)
            if judged[text]:
                yield entry

    def _candidate(self, entry: ListedFile, names: _ReadNames) -> Candidate | None:
        name = names.read(entry.filename)
        # `cffi-1.0.2-2.tar.gz` reads as version 2 of `cffi-1-0-2`: it is no file of this project.
        if name is None or name.project != self.project:
            return None
        return Candidate(
            filename=entry.filename,
            project=self.project,
            version=name.version,
            kind=name.kind,
            tags=name.tags,
            build=name.build,
            url=joined(self.base, entry.url),
            hashes=frozenset(_strong(entry.hashes)),
            size=entry.size,
            requires_python=entry.requires_python or None,
            yanked=entry.yanked,
            upload_time=_time(entry.upload_time),
            metadata_sha256=entry.metadata_sha256,
        )


class _ReadName(NamedTuple):
    project: NormalizedName
    version: Version
    kind: FileKind
    tags: frozenset[Tag] = frozenset()
    build: BuildTag = ()


class _ReadNames:
    """Reads the names of files; what names of wheels have in common is read once.

    A project of 11,000 files has a few hundred versions, and fewer sets of tags.
    """

    def __init__(self) -> None:
        self._heads: dict[str, tuple[NormalizedName, Version]] = {}
        self._tags: dict[str, frozenset[Tag]] = {}

    def read(self, filename: str) -> _ReadName | None:
        """Return what a name says; None for one that is not, or not certainly, a file that is installed."""
        dashes = filename.split("-")
        if not filename.endswith(".whl") or len(dashes) != 5:  # with six there is a number of a build
            return _read_whole(filename)
        head, tags = "-".join(dashes[:2]), "-".join(dashes[2:])
        if head in self._heads and tags in self._tags and len(filename) <= LONGEST_NAME:
            return _ReadName(*self._heads[head], FileKind.WHEEL, self._tags[tags])
        name = _read_whole(filename)
        if name is not None:
            self._heads[head], self._tags[tags] = (name.project, name.version), name.tags
        return name


def _read_whole(filename: str) -> _ReadName | None:
    try:
        found = parse(filename)
    except BadFilename:
        return None
    if found.kind is FileKind.LEGACY or found.parsed_version is None:
        return None
    if found.kind is FileKind.SDIST:
        return _ReadName(found.project, found.parsed_version, found.kind)
    _, _, build, tags = parse_wheel_filename(filename)
    return _ReadName(found.project, found.parsed_version, found.kind, tags, build)


def _version_text(filename: str, project: NormalizedName, names: dict[str, bool]) -> str | None:
    if filename.endswith(".whl"):
        return filename.split("-", 2)[1] if filename.count("-") in (4, 5) else None
    if not filename.endswith(_SDISTS):
        return None
    name, _, rest = filename.rpartition("-")
    if name not in names:
        names[name] = canonicalize_name(name) == project
    return rest.removesuffix(".zip").removesuffix(".tar.gz") if names[name] else None


def _strong(digests: Mapping[str, object]) -> Iterator[str]:
    for name, value in digests.items():
        if isinstance(value, str) and _STRONG.get(name.lower()) == len(value):
            yield f"{name.lower()}:{value.lower()}"


def _offset(zone: str) -> str:
    if zone[0] not in "+-":
        return "+00:00"
    return f"{zone[:3]}:{zone[-2:] if len(zone) > 3 else '00'}"


def _time(text: str | None) -> str | None:
    if text is not None and _AS_WE_WRITE_IT.fullmatch(text) and _is_moment(text[:-1]):
        return text
    found = _MOMENT.fullmatch(text or "")
    if found is None:
        return None
    # Python 3.10 reads neither `Z` nor fractions of other than three or six digits.
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    second = f"{found['minute']}{found['second'] or ':00'}.{fraction}"
    try:
        return timestamp(datetime.fromisoformat(f"{found['day']}T{second}{_offset(found['zone'] or 'Z')}"))
    except ValueError:
        return None


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def joined(base: str, url: str) -> str:
    """Return the address that a page at `base` means; what cannot be one stays as it is."""
    if _WHOLE.fullmatch(url):
        return url
    try:
        return urljoin(base, url)
    except ValueError:
        return url  # `http://[bad`: whoever fetches this file says so, and no other file is touched
