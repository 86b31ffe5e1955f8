"""What upstreams say of the files that we hold: their origin, their age, and whether they are yanked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.catalogue.catalogue import FileFact, Reader
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import HeldFile, Origin, OriginKind, offered
from pypitool.core.name_owner import NameOwner, owner_of
from pypitool.core.versions import current_version
from pypitool.mirror.available import candidate_of
from pypitool.mirror.record import MirrorRecord
from pypitool.repository.repository import Repository


@dataclass(frozen=True)
class HeldProject:
    """A project with its files, one for each filename."""

    name: NormalizedName
    files: tuple[HeldFile, ...]
    owner: NameOwner

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The files whose versions can be compared."""
        return tuple(filter(None, map(candidate_of, self.files)))

    @cached_property
    def have(self) -> Version | None:
        """The highest release; None: no version can be compared."""
        return current_version(candidate.version for candidate in self.candidates)

    @property
    def current(self) -> tuple[Candidate, ...]:
        """The files of the highest release."""
        return tuple(candidate for candidate in self.candidates if candidate.version == self.have)

    def folder(self) -> tuple[int, str]:
        """Return where the highest release lies: the number of the directory, and the path below it."""
        names = {candidate.filename for candidate in self.current}
        location = next((file.location for file in self.files if file.filename in names), None)
        return (location.root, location.path.rpartition("/")[0]) if location is not None else (0, "")


def held_projects(reader: Reader, private: Iterable[str]) -> Iterator[HeldProject]:
    """Iterate over everything that is held, in order of name."""
    globs, kept = tuple(private), reader.kept_names()
    by_project: dict[NormalizedName, list[HeldFile]] = defaultdict(list)
    for file in reader.files():
        by_project[file.project].append(file)
    for name in sorted(by_project):
        files = by_project[name]
        kinds = (file.origin.kind for file in files)
        yield HeldProject(name, offered(files), owner_of(name, kinds, globs, is_kept=name in kept))


@dataclass(frozen=True, slots=True)
class MatchedFile:
    """A held file and what an upstream says of the same bytes."""

    held: HeldFile
    offered: Candidate
    upstream: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A held file of which something is known now that was not before."""

    held: HeldFile
    yanked: str | None


def apply_upstream_changes(
    repository: Repository, record: MirrorRecord, matchs: Iterable[MatchedFile], actor: Actor
) -> tuple[ChangedFile, ...]:
    """Bring what upstreams say into the catalogue; files that people uploaded are left alone."""
    yanks = record.upstream_yanks()
    facts: list[Fact] = []
    decisions: list[FileFact] = []
    noted: list[ChangedFile] = []
    for match in matchs:
        if match.held.origin.kind is OriginKind.UPLOADED:
            continue
        decision = _decision(match, yanks.get(match.held.filename))
        if decision is not None:
            decisions.append(decision)
            facts.extend(_facts(match.held, decision, actor))
            noted.append(ChangedFile(match.held, decision.yanked))
        record.keep_upstream_yank(match.held.filename, match.offered.yanked)
    if decisions:
        repository.facts.append(*facts)
        repository.catalogue.decide(*decisions)
    return tuple(noted)


def yank_now(ours: str | None, before: str | None, upstream: str | None) -> str | None:
    """Decide about a yank: `before` is what the upstream said last time.

    A yank that came from the upstream goes with it; one that people here decided stays.
    """
    if upstream is None:
        return None if ours == before else ours
    return upstream if ours is None or ours == before else ours


def _decision(match: MatchedFile, before: str | None) -> FileFact | None:
    held, offered = match.held, match.offered
    mirrored = held.origin.kind is OriginKind.MIRRORED
    origin = held.origin if mirrored else Origin(OriginKind.MIRRORED, match.upstream)
    # Upstreams without upload times must not overwrite a better one.
    uploaded = offered.upload_time or held.upload_time
    yanked = yank_now(held.yanked, before, offered.yanked)
    if (origin, uploaded, yanked) == (held.origin, held.upload_time, held.yanked):
        return None
    return FileFact(held.filename, held.project, held.contents.digests.sha256, uploaded, origin, yanked)


def _facts(held: HeldFile, decision: FileFact, actor: Actor) -> Iterator[Fact]:
    yield Fact(
        What.UPLOAD,
        actor,
        project=held.project,
        version=held.version,
        filename=held.filename,
        sha256=decision.sha256,
        upload_time=decision.upload_time,
        origin=decision.origin,
        yanked=decision.yanked,
    )
    if held.yanked is not None and decision.yanked is None:
        yield Fact(What.UNYANK, actor, held.project, held.version, held.filename)
