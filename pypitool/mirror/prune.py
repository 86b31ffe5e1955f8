"""Files that no set wants any more: listed, and where it is wanted deleted with a word in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import groupby

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.errors import PypitoolError
from pypitool.core.mirror.prune_choice import MirroredFile, PruneRules, choose_prunable
from pypitool.core.mirror.run_events import FileEvent, PlanEvent, ProjectEvent
from pypitool.core.mirror.run_summary import Ending
from pypitool.core.model import HeldFile, OriginKind
from pypitool.mirror.sets import SetRequest
from pypitool.mirror.shelf import CatalogueShelf
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.wanting import Wanting, wanting
from pypitool.repository.releases import DeletePlan, NotHeld, delete
from pypitool.repository.repository import Repository
from pypitool.upstream.errors import Stopped

_REASON = "pruned: no set wants it"


def prune(
    mirror: Mirror, requests: Sequence[SetRequest], rules: PruneRules, report: Report, *, execute: bool
) -> Ending:
    """List what no set wants any more, or delete it."""
    wants = wanting(requests, CatalogueShelf(mirror.repository.catalogue), mirror.record)
    now = datetime.now(timezone.utc)
    mirrored = list(_mirrored(mirror, wants.everything()))
    prunable = choose_prunable(mirrored, rules, now, wants.versions)
    if not execute:
        for file in prunable:
            report(PlanEvent("delete", file.filename, file.project, str(file.version), file.bytes))
        return Ending()
    _remember(mirror, wants, {file.filename for file in mirrored}, now)
    for project, files in groupby(prunable, key=lambda file: file.project):
        if mirror.stop.is_set():
            raise Stopped
        _delete(mirror, project, {file.filename: file for file in files}, report)
    return Ending()


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


def _remember(mirror: Mirror, wants: Wanting, mirrored: set[str], now: datetime) -> None:
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
    held = (file for file in repository.catalogue.held(project) if _may_go(file, files))
    return DeletePlan(project, known.serial, tuple(held))


def _may_go(file: HeldFile, files: Mapping[str, MirroredFile]) -> bool:
    return file.filename in files and file.origin.kind is OriginKind.MIRRORED
