"""The files on disk with their dependencies, and what of the sets they leave open, target by target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, parse_wheel_filename

from pypitool.catalogue.catalogue import Reader
from pypitool.core.metadata import parse_dependencies
from pypitool.core.mirror.closure import AvailableFiles, Proof, prove
from pypitool.core.mirror.requirement_lines import parse_requirement
from pypitool.core.mirror.run_events import HoleEvent, UnaskedWarning, WarningEvent
from pypitool.core.mirror.run_summary import ProvenSet
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind, HeldFile
from pypitool.core.versions import parsed
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pin_set


def prove_requests(
    requests: Iterable[SetRequest], reader: Reader, report: Callable[[HoleEvent | WarningEvent], None]
) -> tuple[ProvenSet, ...]:
    """Prove sets as their lines stand, by what is on disk; nobody is asked for what they do not pin."""
    return report_proof([pin_set(request, {}) for request in requests], HeldFiles(reader), report)


def report_proof(
    sets: Sequence[PinnedSet],
    available: AvailableFiles,
    report: Callable[[HoleEvent | WarningEvent], None],
) -> tuple[ProvenSet, ...]:
    """Prove sets, tell what is missing as it is found, and return what it came to."""
    found = []
    for event in prove_sets(sets, available):
        found.append(event)
        report(event)
    return proven_sets(sets, found)


def prove_sets(sets: Iterable[PinnedSet], available: AvailableFiles) -> Iterator[HoleEvent | WarningEvent]:
    """Walk every set for each of its targets; of sets with `closure = "off"` only what is named."""
    told: set[str] = set()
    for pinned in sets:
        yield from _prove_set(pinned, available, told)


def _prove_set(
    pinned: PinnedSet, available: AvailableFiles, told: set[str]
) -> Iterator[HoleEvent | WarningEvent]:
    request = pinned.request
    own = WithoutDependencies(available) if request.closure is Closure.OFF else available
    for target in request.targets:
        for misfit in request.inputs.misfits(target):
            yield HoleEvent(
                request.name, target.name, misfit.requirement, misfit.source, "lock", remark=misfit.remark
            )
    roots = {target: pinned.roots(target) for target in request.fitting}
    for target, lines in roots.items():
        yield from proof_events(request.name, prove(lines, target, own, pinned.pins(target)), told)
    if unasked := tuple(target.name for target, lines in roots.items() if not lines):
        names = ", ".join(unasked)
        yield UnaskedWarning(
            f"{request.name} requires nothing on {names}: no line of it concerns them",
            set=request.name,
            targets=unasked,
        )


def proven_sets(
    sets: Iterable[PinnedSet], found: Iterable[HoleEvent | WarningEvent]
) -> tuple[ProvenSet, ...]:
    """Say where each set installs by what its proof found, and how much is missing elsewhere."""
    missing = Counter((event.set, event.target) for event in found if isinstance(event, HoleEvent))
    proven = []
    for pinned in sets:
        if pinned.request.closure is Closure.OFF:
            continue  # its dependencies were not looked at: nobody knows whether it installs
        name = pinned.request.name
        # Without a line of the set for it, nothing is proven of a target.
        whole = [target.name for target in pinned.request.targets if pinned.roots(target)]
        lacking = {
            target.name: missing[name, target.name]
            for target in pinned.request.targets
            if missing[name, target.name]
        }
        installs_on = tuple(target for target in whole if target not in lacking)
        proven.append(ProvenSet(pinned.request.called, installs_on, lacking))
    return tuple(proven)


def proof_events(name: str, proof: Proof, told: set[str]) -> Iterator[HoleEvent | WarningEvent]:
    """Tell what a proof found; `told` are the files of which it has been said that nobody knows."""
    for hole in proof.holes:
        yield HoleEvent(name, hole.target, hole.requirement, hole.required_by, hole.reason, hole.unpinned)
    for unknown in proof.unknown:
        if unknown.filename not in told:
            told.add(unknown.filename)
            until = "fetched" if unknown.filename.endswith(".whl") else "built"
            yield WarningEvent(
                f"{unknown.filename}: what it depends on is unknown until it is {until}",
                project=unknown.project,
            )


class HeldFiles:
    """The catalogue by project; what was read once is kept for the next target."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._candidates: dict[NormalizedName, tuple[Candidate, ...]] = {}
        self._requires: dict[str, tuple[Requirement, ...] | None] = {}

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        """Return the files of a project whose versions can be compared."""
        if project not in self._candidates:
            held = self._reader.project(project)
            found = (candidate_of(file) for file in (held.files if held is not None else ()))
            self._candidates[project] = tuple(candidate for candidate in found if candidate is not None)
        return self._candidates[project]

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Return what a file depends on; None when only building it would tell."""
        if candidate.filename not in self._requires:
            self._requires[candidate.filename] = self._read(candidate)
        return self._requires[candidate.filename]

    def _read(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        digest = candidate.metadata_sha256
        body = self._reader.metadata(digest) if digest is not None else None
        return None if body is None else requirements_in(body, candidate.kind)


def requirements_in(body: bytes, kind: FileKind) -> tuple[Requirement, ...] | None:
    """Return what metadata says that its file depends on; None when only building it would tell."""
    try:
        said = parse_dependencies(body)
        if kind is FileKind.SDIST and not said.is_static:
            return None
        return tuple(map(parse_requirement, said.requires_dist))
    except InvalidRequirement:
        return None


def candidate_of(file: HeldFile) -> Candidate | None:
    """Describe a held file as a choice; None when its version cannot be compared."""
    version = parsed(file.version)
    if version is None:
        return None
    is_wheel = file.kind is FileKind.WHEEL
    _, _, build, tags = parse_wheel_filename(file.filename) if is_wheel else ("", "", (), frozenset())
    return Candidate(
        filename=file.filename,
        project=file.project,
        version=version,
        kind=file.kind,
        tags=tags,
        build=build,
        hashes=frozenset({f"sha256:{file.contents.digests.sha256}"}),
        size=file.stat.size,
        requires_python=file.contents.requires_python,
        yanked=file.yanked,
        upload_time=file.upload_time,
        metadata_sha256=file.contents.metadata_sha256,
    )


class WithPlanned:
    """What will be on disk after a run that is only planned; `requires` is what its upstreams tell of it."""

    def __init__(
        self,
        present: AvailableFiles,
        coming: Iterable[Candidate],
        requires: Mapping[str, tuple[Requirement, ...] | None],
    ) -> None:
        self._present = present
        self._requires = requires
        self._coming: dict[NormalizedName, list[Candidate]] = {}
        for candidate in coming:
            self._coming.setdefault(candidate.project, []).append(candidate)
        self._names = {candidate.filename for each in self._coming.values() for candidate in each}

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        """Return the files of a project, with those to come."""
        present, coming = self._present.candidates(project), self._coming.get(project)
        return [*present, *coming] if coming else present

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Return what a file depends on, as far as it can be known before it is here."""
        if candidate.filename in self._names:
            return self._requires.get(candidate.filename)
        return self._present.requires(candidate)


@dataclass(frozen=True, slots=True)
class JoinedFiles:
    """Several directories as one; a file is the same in all of them."""

    parts: Sequence[AvailableFiles]

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        """Return the files of a project in any of them."""
        return [candidate for part in self.parts for candidate in part.candidates(project)]

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Return what a file depends on, as the directory that has it knows."""
        having = (part for part in self.parts if candidate in part.candidates(candidate.project))
        return next((part.requires(candidate) for part in having), None)


@dataclass(frozen=True, slots=True)
class WithoutDependencies:
    """The same files, whose dependencies are nobody's concern."""

    present: AvailableFiles

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        """Return the files of a project."""
        return self.present.candidates(project)

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...]:
        """Return nothing."""
        return ()
