"""The files on disk with their dependencies, and what of the sets they leave open, target by target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, parse_wheel_filename

from pypitool.catalogue.catalogue import Reader
from pypitool.core.metadata import parse_dependencies
from pypitool.core.mirror.closure import AvailableFiles, Proof, prove
from pypitool.core.mirror.requirement_lines import parse_requirement
from pypitool.core.mirror.run_events import HoleEvent, UnaskedWarning, WarningEvent
from pypitool.core.mirror.run_summary import ProvenSet
from pypitool.core.mirror.selection import Candidate, WhyNot
from pypitool.core.model import FileKind, HeldFile
from pypitool.core.versions import parsed
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pin_set

Found = HoleEvent | WarningEvent


@dataclass(frozen=True, slots=True)
class SetProof:
    """What the walk through one set came to."""

    pinned: PinnedSet
    found: tuple[Found, ...]
    used: frozenset[str]  # the files that its targets would install

    @property
    def request(self) -> SetRequest:
        """What was asked for."""
        return self.pinned.request

    @property
    def is_whole(self) -> bool:
        """Whether all of its targets install what it asks of them, and it asks something."""
        kinds = HoleEvent if self.request.closure is Closure.OFF else (HoleEvent, UnaskedWarning)
        return bool(self.used) and not any(isinstance(event, kinds) for event in self.found)

    def told(self) -> ProvenSet:
        """Say where it installs, and how much is missing elsewhere."""
        missing = Counter(event.target for event in self.found if isinstance(event, HoleEvent))
        targets = self.request.targets
        # Without a line of the set for it, nothing is proven of a target.
        whole = (target.name for target in targets if self.pinned.roots(target))
        lacking = {target.name: missing[target.name] for target in targets if missing[target.name]}
        return ProvenSet(self.request.called, tuple(name for name in whole if name not in lacking), lacking)


def prove_requests(
    requests: Iterable[SetRequest], reader: Reader, report: Callable[[Found], None]
) -> tuple[SetProof, ...]:
    """Prove sets as their lines stand, by what is on disk; nobody is asked for what they do not pin."""
    return prove_sets([pin_set(request, {}) for request in requests], HeldFiles(reader), report)


# Why an upstream had nothing for a wish: by set, target and project.
Refusals = Mapping[tuple[str, str, NormalizedName | None], WhyNot]


def prove_sets(
    sets: Iterable[PinnedSet],
    available: AvailableFiles,
    report: Callable[[Found], None],
    refused: Refusals = MappingProxyType({}),
) -> tuple[SetProof, ...]:
    """Walk every set for each of its targets, and tell what is found.

    Of sets with `closure = "off"` only what is named is looked for.
    """
    told: set[str] = set()
    proofs = []
    for pinned in sets:
        proof = _prove_set(pinned, available, told, refused)
        proofs.append(proof)
        for event in proof.found:
            report(event)
    return tuple(proofs)


def proven_sets(proofs: Iterable[SetProof]) -> tuple[ProvenSet, ...]:
    """Say where sets install; where the dependencies were not looked at, nobody knows."""
    return tuple(proof.told() for proof in proofs if proof.request.closure is not Closure.OFF)


def _prove_set(pinned: PinnedSet, available: AvailableFiles, told: set[str], refused: Refusals) -> SetProof:
    request = pinned.request
    own = WithoutDependencies(available) if request.closure is Closure.OFF else available
    roots = {target: pinned.roots(target) for target in request.fitting}
    proofs = [prove(lines, target, own, pinned.pins(target)) for target, lines in roots.items()]
    found = [*_misfits(request)]
    for proof in proofs:
        found += proof_events(request.name, proof, told, refused)
    found += _unasked(request, [target.name for target, lines in roots.items() if not lines])
    return SetProof(pinned, tuple(found), frozenset().union(*(proof.used for proof in proofs)))


def _misfits(request: SetRequest) -> Iterator[Found]:
    for target in request.targets:
        for misfit in request.inputs.misfits(target):
            yield HoleEvent(
                request.name, target.name, misfit.requirement, misfit.source, "lock", remark=misfit.remark
            )


def _unasked(request: SetRequest, targets: Sequence[str]) -> Iterator[Found]:
    if targets:
        yield UnaskedWarning(
            f"{request.called} requires nothing on {', '.join(targets)}, and nothing is proved there",
            set=request.name,
            targets=tuple(targets),
        )


def proof_events(
    name: str, proof: Proof, told: set[str], refused: Refusals = MappingProxyType({})
) -> Iterator[HoleEvent | WarningEvent]:
    """Tell what a proof found; `told` are the files of which it has been said that nobody knows."""
    for hole in proof.holes:
        # What an upstream had, and could not be taken, says more than what is here.
        why = refused.get((name, hole.target, hole.project)) or hole.why or WhyNot(hole.reason)
        yield HoleEvent(
            name, hole.target, hole.requirement, hole.required_by, why.reason,
            hole.unpinned, why.remark, why.requires_python,
        )  # fmt: skip
    for unknown in proof.unknown:
        if unknown.filename not in told:
            told.add(unknown.filename)
            yield WarningEvent(
                f"{unknown.filename}: what it depends on is unknown until it is {unknown.until}",
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
