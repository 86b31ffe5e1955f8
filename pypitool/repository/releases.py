"""What people decide about releases: yank, delete, status. The fact is on the disk before its row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import FileFact
from pypitool.catalogue.facts import already_recorded
from pypitool.catalogue.replay import note_replayed, note_reserved, replay_locked
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.filenames import SIGNATURE
from pypitool.core.model import HeldFile, Location, Project, ProjectStatus
from pypitool.core.names import normalize
from pypitool.core.text import timestamp
from pypitool.core.versions import canonical
from pypitool.repository.contact import put_in_inbox
from pypitool.repository.recovery import note_undone
from pypitool.repository.repository import Repository

_TRIES = 20


class NotHeld(PypitoolError):
    """A project, a release or a file of one that is not held."""

    kind = Kind.NOT_FOUND
    project: str
    version: str | None = None
    filename: str | None = None

    def __post_init__(self) -> None:
        self.hint = f"`pypitool list{'' if self.version is None else f' {self.project}'}` shows what is held"
        super().__post_init__()

    def __str__(self) -> str:
        if self.filename is not None:
            return f"there is no file `{self.filename}` of `{self.project}`"
        if self.version is not None:
            return f"there is no release {self.version} of `{self.project}`"
        return f"there is no project `{self.project}`"


class PlanOutdated(PypitoolError):
    """The project has changed since the plan was made that somebody agreed to."""

    kind = Kind.CONFLICT
    sentence = "`{project}` has changed since the plan was made"
    hint = "look at the new plan and decide again; nothing was deleted"
    project: str
    planned: int
    serial: int


@dataclass(frozen=True, slots=True)
class Change:
    """The files of a release for which something was decided, and those for which it had been before."""

    project: NormalizedName
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeletePlan:
    """What a deletion removes; `serial` tells whether it still holds."""

    project: NormalizedName
    serial: int
    files: tuple[HeldFile, ...]  # copies in other places included

    @property
    def filenames(self) -> tuple[str, ...]:
        """Each name once."""
        return _names(self.files)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """The status that a project has now."""

    project: NormalizedName
    status: ProjectStatus
    reason: str | None
    changed: bool


def yank(repository: Repository, project: str, version: str, reason: str | None, actor: Actor) -> Change:
    """Take a release out of the choice of installers (PEP 592); an empty reason is none."""
    wanted = reason or ""
    return _decide_yank(
        repository,
        _release(repository, project, version),
        wanted,
        lambda file: Fact(What.YANK, actor, file.project, file.version, file.filename, reason=wanted or None),
    )


def unyank(repository: Repository, project: str, version: str, actor: Actor) -> Change:
    """Give a release back to the choice of installers."""
    return _decide_yank(
        repository,
        _release(repository, project, version),
        None,
        lambda file: Fact(What.UNYANK, actor, file.project, file.version, file.filename),
    )


def plan_delete(
    repository: Repository, project: str, version: str | None = None, filename: str | None = None
) -> DeletePlan:
    """Say what deleting a file, a release or a whole project removes."""
    known = _project(repository, project)
    files = (
        repository.catalogue.held(known.name) if version is None else _release(repository, project, version)
    )
    if filename is not None:
        files = tuple(file for file in files if file.filename == filename)
        if not files:
            raise NotHeld(project, version, filename)
    return DeletePlan(known.name, known.serial, files)


def delete(
    repository: Repository, plan: DeletePlan, actor: Actor, reason: str | None = None
) -> tuple[str, ...]:
    """Carry out a plan, and return the names of the files that are gone; raise `PlanOutdated`."""
    serial = _project(repository, plan.project).serial
    if serial != plan.serial:
        raise PlanOutdated(plan.project, plan.serial, serial)
    for name in plan.filenames:
        _delete(repository, [file for file in plan.files if file.filename == name], actor, reason)
    return plan.filenames


def _delete(repository: Repository, copies: Sequence[HeldFile], actor: Actor, reason: str | None) -> None:
    """Delete all files of one name, and let nobody see the fact before they are gone."""
    gone: list[Location] = []
    began = timestamp(time.time())
    try:
        # Whoever replays the log waits: a deletion that he finds there is finished, or its doer is dead.
        with repository.facts.alone() as append:
            replay_locked(repository.catalogue, repository.facts)
            for file in copies:
                repository.store.check_removable(file.location)
                fact = _deleted(file, actor, reason)
                append(fact)
                # Before the name is free, or somebody could take it in between.
                note_reserved(repository.catalogue, fact)
                # The file before its row: if we are killed in between, the keeper finds it gone. The other
                # way round it would find it new.
                repository.store.remove(file.location)
                gone.append(file.location)
                repository.store.remove(Location(file.location.root, file.location.path + SIGNATURE))
            repository.catalogue.forget(gone)
            note_replayed(repository.catalogue, repository.facts)
    except BaseException:
        _end_unfinished(repository, copies, gone, began)
        raise
    finally:
        _look_back(repository, gone)


def _end_unfinished(
    repository: Repository, copies: Sequence[HeldFile], gone: Sequence[Location], began: str
) -> None:
    """Forget what is gone, and say of what is not that it is not; else the keeper says so after a walk."""
    with suppress(PypitoolError):
        repository.catalogue.forget(gone)
        for file in copies:
            if file.location not in gone and repository.store.look(file.location) is not None:
                sha256 = file.contents.digests.sha256
                note_undone(repository, What.DELETE, file.filename, sha256, not_before=began)
                return  # the others were not even begun


def _deleted(file: HeldFile, actor: Actor, reason: str | None) -> Fact:
    sha256 = file.contents.digests.sha256
    return Fact(What.DELETE, actor, file.project, file.version, file.filename, sha256, reason)


def delete_release(repository: Repository, project: str, version: str, actor: Actor) -> tuple[str, ...]:
    """Delete what is held of a release at this moment: nobody has agreed to a plan of it before."""
    for _ in range(_TRIES):
        # Other releases of the project may come and go between the plan and the deed.
        with suppress(PlanOutdated):
            return delete(repository, plan_delete(repository, project, version), actor)
    return delete(repository, plan_delete(repository, project, version), actor)


def _permit(_before: ProjectStatus) -> None:
    pass


def set_status(
    repository: Repository,
    project: str,
    status: ProjectStatus,
    reason: str | None,
    actor: Actor,
    *,
    permit: Callable[[ProjectStatus], None] = _permit,
) -> StatusChange:
    """Say in what state a project is (PEP 792); `permit` judges the one before, and raises."""
    name, wanted = normalize(project), reason or None
    # No other fact meanwhile: the state that is judged is the one that ours replaces.
    with repository.facts.alone() as append:
        before = repository.catalogue.status(name)
        permit(before[0])
        if before == (ProjectStatus.ACTIVE, None):
            _project(repository, project)  # a status outlives the files, and must be taken back without them
        changed = before != (status, wanted)
        if changed:
            append(Fact(What.STATUS, actor, name, reason=wanted, status=status.value))
            with already_recorded():
                repository.catalogue.set_status(name, status, wanted)
    return StatusChange(name, status, wanted, changed)


def _decide_yank(
    repository: Repository,
    files: tuple[HeldFile, ...],
    yanked: str | None,
    fact: Callable[[HeldFile], Fact],
) -> Change:
    by_name = {file.filename: file for file in files}
    changed = [file for file in by_name.values() if file.yanked != yanked]
    if changed:
        repository.facts.append(*map(fact, changed))
        with already_recorded():
            repository.catalogue.decide(
                *(FileFact(file.filename, file.project, yanked=yanked) for file in changed)
            )
    return Change(
        files[0].project,
        _names(changed),
        _names(file for file in by_name.values() if file.yanked == yanked),
    )


def _project(repository: Repository, name: str) -> Project:
    project = repository.catalogue.project(normalize(name))
    if project is None:
        raise NotHeld(name)
    return project


def _release(repository: Repository, project: str, version: str) -> tuple[HeldFile, ...]:
    known = _project(repository, project)
    wanted = canonical(version)
    files = [file for file in repository.catalogue.held(known.name) if canonical(file.version) == wanted]
    if not files:
        raise NotHeld(project, version)
    return tuple(files)


def _look_back(repository: Repository, gone: Iterable[Location]) -> None:
    """Have the keeper look at places where a new file came while the old one's row was forgotten."""
    back = [location for location in gone if repository.store.look(location) is not None]
    put_in_inbox(repository.files, *back)


def _names(files: Iterable[HeldFile]) -> tuple[str, ...]:
    return tuple(sorted({file.filename for file in files}))
