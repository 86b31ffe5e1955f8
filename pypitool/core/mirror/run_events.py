"""What a run says while it works: events that the screen, `--json` and the record share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pypitool.core.errors import Kind
from pypitool.core.event_document import IF_KNOWN, INLINE, NEVER
from pypitool.core.mirror.run_words import missing_line

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

FileOutcome = Literal["fetched", "kept", "failed", "conflict", "deleted"]
PlanAction = Literal["get", "keep", "conflict", "delete"]


@dataclass(frozen=True, slots=True)
class FileEvent:
    """A wanted file is dealt with."""

    type: ClassVar[str] = "file"
    name: str
    project: NormalizedName
    version: str
    outcome: FileOutcome
    bytes: int = 0
    sha256: str | None = None
    targets: tuple[str, ...] = ()
    kind: Kind | None = field(default=None, metadata=IF_KNOWN)
    message: str | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class ProjectEvent:
    """A whole project failed; the others go on."""

    type: ClassVar[str] = "project"
    project: NormalizedName
    outcome: str = field(default="failed", init=False)
    kind: Kind
    message: str


@dataclass(frozen=True, slots=True)
class HoleEvent:
    """Something that a target needs is not on disk."""

    type: ClassVar[str] = "hole"
    set: str
    target: str
    requirement: str
    required_by: str
    reason: str
    # The project that a pin, or uv, would bring.
    unpinned: NormalizedName | None = field(default=None, metadata=NEVER)
    remark: str | None = field(default=None, metadata=NEVER)  # what the reason means here, for people
    # What the files ask that are there, where that keeps the target from them.
    requires_python: str | None = field(default=None, metadata=IF_KNOWN)

    def __str__(self) -> str:
        # Programs call it a hole. To people it is a dependency that is missing: that is what the line says.
        return missing_line(
            self.set, self.target, self.requirement, self.required_by, self.remark or self.reason
        )


@dataclass(frozen=True, slots=True)
class WarningEvent:
    """Something that someone should know, and that stops nothing."""

    type: ClassVar[str] = "warning"
    project: NormalizedName | None = field(default=None, kw_only=True)
    message: str
    yanked: str | None = field(default=None, kw_only=True, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class UnaskedWarning(WarningEvent):
    """No line of a set concerns these targets: that it installs there is no proof of anything."""

    set: str = field(kw_only=True)
    targets: tuple[str, ...] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """What a real run would do with a file."""

    type: ClassVar[str] = "plan"
    action: PlanAction
    name: str
    project: NormalizedName
    version: str
    bytes: int | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DifferenceEvent:
    """Something here is not, or no longer, as the catalogue or an upstream says; of a file or a project."""

    name: str | None = field(default=None, kw_only=True, metadata=IF_KNOWN)  # None: the whole project
    path: str | None = field(default=None, kw_only=True, metadata=IF_KNOWN)
    project: NormalizedName
    version: str | None = field(default=None, kw_only=True, metadata=IF_KNOWN)
    outcome: str = field(default="failed", init=False)
    kind: Kind
    message: str

    @property
    def type(self) -> str:
        """The word of its line: who reads lines sees a file or a project that failed."""
        return ProjectEvent.type if self.name is None else FileEvent.type

    def __str__(self) -> str:
        return f"{self.path or self.name or self.project}: {self.message}"


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """Pins of a requirements file were rewritten."""

    type: ClassVar[str] = "written"
    file: str
    projects: tuple[NormalizedName, ...]
    added: tuple[NormalizedName, ...] = ()  # which new releases need, and no line named


@dataclass(frozen=True, slots=True)
class SetEvent:
    """A set, or a file of requirements, could not be moved as a whole; the others go on."""

    type: ClassVar[str] = "set"
    set: str
    outcome: str = field(default="failed", init=False)
    kind: Kind
    message: str


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The run could not go on, or not even begin: only the record has it, people were told at once."""

    type: ClassVar[str] = "error"
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class UpdateEvent:
    """`update` looked at a project."""

    type: ClassVar[str] = "update"
    project: NormalizedName
    have: str
    new: str | None = None  # None: nothing is offered
    uploaded: str | None = None
    held: tuple[HeldVersion, ...] = ()
    known: KnownVulnerabilities | None = field(default=None, metadata=INLINE)  # None: nobody asked
    set: str | None = field(default=None, metadata=IF_KNOWN)  # the set, or file, that gets `new`

    def lines(self, *, with_prereleases: bool = True) -> Iterator[str]:
        """Yield what people read."""
        if self.new is not None:
            yield f"{self.project} {self.have} -> {self.new}"
        for one in _newest_excluded(self.held):
            if one.is_prerelease and not with_prereleases:
                continue
            yield f"held {' '.join(filter(None, (self.project, one.version)))}: {one}"
        for vulnerability in (self.known.vulnerabilities if self.known else None) or ():
            yield f"vulnerable {self.project} {self.have}: {vulnerability}"


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A newer release that is not offered, and why; of a private project nobody knows any."""

    version: str | None
    reason: str
    excluded: ExcludedBy | None = field(default=None, metadata=INLINE)  # where other releases exclude it
    unfit: UnfitTarget | None = field(default=None, metadata=INLINE)  # where a target is what keeps it

    def __str__(self) -> str:
        who = str(self.excluded or self.unfit or "")
        return f"{self.reason} ({who})" if who else self.reason

    @property
    def is_prerelease(self) -> bool:
        """Whether it is held for that alone: there are many of them, and few want to read of each."""
        return self.reason == "prerelease"


@dataclass(frozen=True, slots=True)
class UnfitTarget:
    """The target that a newer release is not for, and the Python that it asks for; None: it has no file."""

    target: str
    requires_python: str | None = field(default=None, metadata=IF_KNOWN)
    python: str = field(default="", metadata=NEVER)  # that the target has

    def __str__(self) -> str:
        if self.requires_python is None:
            return f"none for {self.target}"
        return f"{self.requires_python}; {self.target} has {self.python}"


@dataclass(frozen=True, slots=True)
class ExcludedBy:
    """The requirement that a newer release does not satisfy, and whose it is; the resolver may name none."""

    requirement: str | None = None
    required_by: str | None = None  # `PROJECT VERSION`, or FILE:LINE

    def __str__(self) -> str:
        return f"{self.requirement} of {self.required_by}" if self.requirement is not None else ""


def _newest_excluded(held: Iterable[HeldVersion]) -> Iterator[HeldVersion]:
    """Pass over what is held as a newer one is: people know by the newest."""
    told = set[ExcludedBy | UnfitTarget]()
    for one in held:
        why = one.excluded or one.unfit
        if why is None or why not in told:
            yield one
        if why is not None:
            told.add(why)


@dataclass(frozen=True, slots=True)
class KnownVulnerabilities:
    """What was found out about the vulnerabilities of the release that we have; None: nothing."""

    vulnerabilities: tuple[Vulnerability, ...] | None


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of a release."""

    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    summary: str | None = None
    link: str | None = None

    def __str__(self) -> str:
        names = ", ".join((self.id, *self.aliases))
        return f"{names} (fixed in {', '.join(self.fixed_in)})" if self.fixed_in else names


Event = (
    FileEvent
    | ProjectEvent
    | HoleEvent
    | WarningEvent
    | PlanEvent
    | DifferenceEvent
    | UpdateEvent
    | WrittenEvent
    | SetEvent
    | ErrorEvent
)


def vulnerabilities_of(document: object) -> tuple[Vulnerability, ...] | None:
    """Read what an index's legacy JSON says of one release, which strangers write; None: it does not say."""
    entries = document.get("vulnerabilities") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return None
    return tuple(_read(entries))


def _read(entries: list[Any]) -> Iterator[Vulnerability]:
    for entry in entries:
        # OSV: "a non-null `withdrawn` means that the entry is considered never to have been".
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str) and not entry.get("withdrawn"):
            yield Vulnerability(
                entry["id"],
                _texts(entry.get("aliases")),
                _texts(entry.get("fixed_in")),
                _text(entry.get("summary")),
                _text(entry.get("link")),
            )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
