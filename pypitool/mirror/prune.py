"""Files that no set wants any more: listed, and where it is wanted deleted with a word in the audit trail.

What the sets want is found out without asking anybody; when in doubt, a file is wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import groupby

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.closure import AvailableFiles, prove
from pypitool.core.mirror.prune_choice import MirroredFile, PruneRules, choose_prunable
from pypitool.core.mirror.run_events import FileEvent, PlanEvent, ProjectEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.mirror.selection import Wish
from pypitool.core.mirror.sync_plan import choose_files
from pypitool.core.model import OriginKind
from pypitool.core.versions import parsed
from pypitool.mirror.available import HeldFiles
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pin_set
from pypitool.mirror.sync import Mirror, Report
from pypitool.repository.releases import DeletePlan, NotHeld, delete
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream_errors import Stopped

_REASON = "pruned: no set wants it"


class NeverSynchronised(PypitoolError):
    """Sets that uv resolves have not been synchronised: what they want is not known."""

    kind = Kind.INVALID
    names: Sequence[str]

    def __post_init__(self) -> None:
        self.hint = f"`pypitool sync {' '.join(self.names)}` finds it out; until then nothing is listed"
        super().__post_init__()

    def __str__(self) -> str:
        named = ", ".join(f"`{name}`" for name in self.names)
        return f"nobody knows what {named} wants: it was never synchronised"


@dataclass(frozen=True, slots=True)
class WantedBySets:
    """What the sets want."""

    files: Mapping[str, frozenset[str]]  # the filenames that each set wants
    versions: Mapping[NormalizedName, frozenset[Version]]  # that are pinned, also those that are not here

    def everything(self) -> frozenset[str]:
        """Return every file that any set wants."""
        return frozenset().union(*self.files.values())


def prune(
    mirror: Mirror, requests: Sequence[SetRequest], rules: PruneRules, report: Report, *, execute: bool
) -> Ending:
    """List what no set wants any more, or delete it."""
    wants = wanted_by_sets(requests, HeldFiles(mirror.repository.catalogue), mirror.record)
    now = datetime.now(timezone.utc)
    mirrored = list(_mirrored(mirror, wants.everything()))
    prunable = choose_prunable(mirrored, rules, now, wants.versions)
    kept = _proven_last(mirror.record, requests, prunable)
    for event in (*_told_kept(kept), *_told_gone(mirror.record, requests, mirrored)):
        report(event)
    prunable = tuple(file for file in prunable if not any(file.filename in names for names in kept.values()))
    if not execute:
        for file in prunable:
            report(PlanEvent("delete", file.filename, file.project, str(file.version), file.bytes))
        return Ending(dry_run=True)
    _remember(mirror, wants, {file.filename for file in mirrored}, now)
    for project, files in groupby(prunable, key=lambda file: file.project):
        if mirror.stop.is_set():
            raise Stopped
        _delete(mirror, project, {file.filename: file for file in files}, report)
    return Ending()


def _proven_last(
    record: MirrorRecord, requests: Iterable[SetRequest], prunable: Iterable[MirroredFile]
) -> Mapping[str, frozenset[str]]:
    """Return what would go, and was wanted when its set was last proven to install, by set."""
    names = frozenset(file.filename for file in prunable)
    proven = record.proven()
    return {
        request.name: stays
        for request in requests
        if (stays := proven.get(request.name, frozenset()) & names)
    }


def _told_kept(kept: Mapping[str, frozenset[str]]) -> Iterator[WarningEvent]:
    for name, files in kept.items():
        count = f"{len(files)} file{'s' * (len(files) != 1)}"
        yield WarningEvent(
            f"`{name}` keeps {count} that its last proven run wanted, until a newer run of it is proven; "
            f"`pypitool sync {name}` says what is missing"
        )


def _told_gone(
    record: MirrorRecord, requests: Iterable[SetRequest], mirrored: Iterable[MirroredFile]
) -> Iterator[WarningEvent]:
    """Name the sets that the configuration no longer has, as long as something of theirs is here."""
    here = {file.filename for file in mirrored}
    for name in sorted(record.known_sets() - {request.name for request in requests}):
        if not here.isdisjoint(record.members([name])):
            yield WarningEvent(f"`{name}` is no set of the configuration any more, and wants nothing")


def _mirrored(mirror: Mirror, wanted: frozenset[str]) -> Iterator[MirroredFile]:
    last_wanted = mirror.record.last_wanted()
    seen: set[str] = set()
    for file in mirror.repository.catalogue.files():
        if file.origin.kind is not OriginKind.MIRRORED or file.filename in seen:
            continue
        seen.add(file.filename)
        last = last_wanted.get(file.filename)
        yield MirroredFile(
            filename=file.filename,
            project=file.project,
            version=Version(file.version),
            wanted_now=file.filename in wanted,
            last_wanted=None if last is None else datetime.fromisoformat(last),
            bytes=file.stat.size,
        )


def _remember(mirror: Mirror, wants: WantedBySets, mirrored: set[str], now: datetime) -> None:
    """Note what is wanted: nights on which `sync --locked` found nothing to do left no word of it."""
    with mirror.record.together():
        for name, filenames in wants.files.items():
            mirror.record.want(name, sorted(filenames & mirrored), now.isoformat())


def _delete(
    mirror: Mirror, project: NormalizedName, files: Mapping[str, MirroredFile], report: Report
) -> None:
    try:
        gone = delete(mirror.repository, _plan(mirror.repository, project, files), mirror.actor, _REASON)
    except PypitoolError as error:
        report(ProjectEvent(project, error.kind, str(error)))
        return
    for name in gone:
        file = files[name]
        report(FileEvent(name, project, str(file.version), "deleted", file.bytes))


def _plan(repository: Repository, project: NormalizedName, files: Mapping[str, MirroredFile]) -> DeletePlan:
    known = repository.catalogue.project(project)
    if known is None:
        raise NotHeld(project)
    # Looked at again: what somebody has uploaded in the meantime is not ours to delete.
    held = (file for file in repository.catalogue.held(project) if file.origin.kind is OriginKind.MIRRORED)
    return DeletePlan(project, known.serial, tuple(file for file in held if file.filename in files))


def wanted_by_sets(
    requests: Iterable[SetRequest], available: AvailableFiles, record: MirrorRecord
) -> WantedBySets:
    """Find out what the sets want; raise `NeverSynchronised` for those that only a run can tell of."""
    sets = [pin_set(request, {}) for request in requests]
    resolved = [one.request.name for one in sets if not _tells_all(one)]
    unknown = [name for name in resolved if not record.wanted_lately(name)]
    if unknown:
        raise NeverSynchronised(unknown)
    versions: dict[NormalizedName, set[Version]] = defaultdict(set)
    for one in sets:
        for project, wish in _pins(one):
            versions[project].update(_versions(wish))
    files = {one.request.name: _wanted_by(one, available, record) for one in sets}
    return WantedBySets(files, {project: frozenset(found) for project, found in versions.items()})


def _tells_all(one: PinnedSet) -> bool:
    """Tell whether the lines of a set say which versions it wants, of everything."""
    request = one.request
    return request.closure is not Closure.RESOLVE and not request.inputs.unpinned(request.fitting)


def _wanted_by(one: PinnedSet, available: AvailableFiles, record: MirrorRecord) -> frozenset[str]:
    wanted = set(_chosen(one, available))
    for target in one.request.targets:
        # What a set needs is wanted although no line of it says so: another set may have brought it.
        wanted |= prove(one.roots(target), target, available, one.pins(target)).used
    return frozenset(wanted if _tells_all(one) else wanted | record.wanted_lately(one.request.name))


def _chosen(one: PinnedSet, available: AvailableFiles) -> Iterator[str]:
    # What is here was fetched under rules that may have been others: they are no reason to let it go.
    rules = replace(one.request.rules, yanked=True, allow_unhashed=True, max_size=None)
    for project, wishes in one.wishes.items():
        bare = {target: Wish(project, wish.specifier) for target, wish in wishes.items() if wish.is_pinned}
        for file in choose_files(bare, available.candidates(project), rules).files:
            yield file.candidate.filename


def _pins(one: PinnedSet) -> Iterator[tuple[NormalizedName, Wish]]:
    for project, wishes in one.wishes.items():
        for wish in wishes.values():
            if wish.is_pinned:
                yield project, wish


def _versions(wish: Wish) -> Iterator[Version]:
    for clause in wish.specifier:
        if clause.operator in ("==", "===") and not clause.version.endswith(".*"):
            version = parsed(clause.version)
            if version is not None:
                yield version
