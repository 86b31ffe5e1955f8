"""What we hold: files, projects and their states, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from packaging.utils import NormalizedName


class FileKind(str, Enum):
    """What a distribution file is; `LEGACY` kinds are listed and served but never opened."""

    WHEEL = "bdist_wheel"
    SDIST = "sdist"
    LEGACY = "legacy"


class OriginKind(str, Enum):
    """How a file came to us."""

    UPLOADED = "uploaded"
    MIRRORED = "mirrored"
    COPIED = "copied"


@dataclass(frozen=True, slots=True)
class Origin:
    """How a file came to us, and by whom (`user:deploy`) or from where (an upstream's name)."""

    kind: OriginKind
    detail: str = ""


COPIED_IN = Origin(OriginKind.COPIED)


class ProjectStatus(str, Enum):
    """PEP 792: the state of a project as its index sees it."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Digests:
    """The three digests that one reading of a file gives, in lower-case hex."""

    sha256: str
    blake2b: str  # 256 bits, as PyPI's blake2_256_digest
    md5: str


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells, without reading it, that a file is still the one that was read."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def may_be(self, found: FileStat) -> bool:
        """Tell whether a stat may be that of the same bytes: nothing but ctime differs.

        A link, another owner or mode and a renaming change that alone, and so does who writes into the file
        and sets its mtime back.
        """
        return (self.size, self.mtime_ns, self.inode) == (found.size, found.mtime_ns, found.inode)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a file lies: the number of its root, and its path below it with forward slashes."""

    root: int
    path: str

    @property
    def filename(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Contents:
    """What reading an archive told us, beyond its name."""

    digests: Digests
    requires_python: str | None = None
    metadata_sha256: str | None = None  # of the METADATA body that the catalogue keeps
    misnamed: str | None = None  # where an sdist speaks of another release than its name


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One distribution file that we hold and serve."""

    location: Location
    project: NormalizedName
    version: str  # as packaging prints it; legacy names that PEP 440 refuses keep their own text
    kind: FileKind
    release_key: str  # equal for two spellings of one release's file, see core.filenames
    stat: FileStat
    contents: Contents
    upload_time: str  # ISO 8601, UTC, microseconds, ends in Z
    origin: Origin = COPIED_IN
    yanked: str | None = None  # None: not yanked; "": yanked without a reason
    signed: bool = False  # an .asc lies beside it
    provenance: str | None = None

    @property
    def filename(self) -> str:
        """The name that pages show and clients parse."""
        return self.location.filename


@dataclass(frozen=True, slots=True)
class Project:
    """A project with every file that its pages offer, one for each filename."""

    name: NormalizedName
    serial: int
    files: tuple[HeldFile, ...] = ()
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectList:
    """The projects of a list, in order, each with the serial of its last change."""

    projects: Mapping[NormalizedName, int]
    # Those that lost their last file: mirrors ask what came after the greatest serial that they have seen,
    # and it must not sink when the project goes that had it.
    gone: Mapping[NormalizedName, int]
    begins: int  # where this history begins: all serials of earlier ones are lower

    @property
    def serial(self) -> int:
        """The greatest serial."""
        return max((self.begins, *self.projects.values(), *self.gone.values()))

    def among(self, seen: Callable[[Iterable[NormalizedName]], Iterable[NormalizedName]]) -> ProjectList:
        """Return the list for somebody who sees these only, and learns nothing of the others."""
        projects = {name: self.projects[name] for name in seen(self.projects)}
        return ProjectList(projects, {name: self.gone[name] for name in seen(self.gone)}, self.begins)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file in a package directory that is not listed, and why."""

    location: Location
    reason: str
    # As it was when it was judged, so that a broken file of 2 GB is not read again at each walk; None: look
    # again (it is still being written, or it cannot be opened).
    stat: FileStat | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in the catalogue since a serial: the names of projects whose pages differ."""

    serial: int
    projects: frozenset[NormalizedName] = field(default_factory=frozenset)
    rights: bool = False  # somebody owns something else
    everything: bool = False  # the catalogue was rebuilt or restored: nothing that was kept holds


def offered(files: Iterable[HeldFile]) -> tuple[HeldFile, ...]:
    """Choose one file for each filename: the first root, then the shortest path."""
    chosen: dict[str, HeldFile] = {}
    for file in sorted(files, key=_precedence):
        chosen.setdefault(file.filename, file)
    return tuple(chosen.values())


def _precedence(file: HeldFile) -> tuple[int, int, str]:
    return file.location.root, len(file.location.path), file.location.path
