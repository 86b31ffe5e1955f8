"""Projects of a repository that is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from packaging.utils import NormalizedName

from pypitool.catalogue.rows import metadata_of
from pypitool.core.documents import (
    by_release,
    project_document,
    release_document,
    spelling_of,
    summary_document,
)
from pypitool.core.fact import Actor
from pypitool.core.model import HeldFile, Project, ProjectStatus, offered
from pypitool.core.names import normalize
from pypitool.managing import Document
from pypitool.repository.releases import (
    Change,
    DeletePlan,
    NotHeld,
    PlanOutdated,
    delete,
    plan_delete,
    set_status,
    unyank,
    yank,
)
from pypitool.repository.repository import Repository


def _everything(_name: NormalizedName) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ProjectsHere:
    """Look at projects and decide about them, in somebody's name."""

    repository: Repository
    actor: Actor
    sees: Callable[[NormalizedName], bool] = _everything  # which projects are in the list

    def listed(self) -> Document:
        """Return every project in a line each."""
        held = sorted(self.repository.catalogue.files(), key=attrgetter("project"))
        return {"projects": [_summary(name, files) for name, files in _by_project(held) if self.sees(name)]}

    def project(self, name: str) -> Document:
        """Return a project with its releases, by any spelling of its name."""
        return project_document(self._found(name))

    def release(self, name: str, version: str) -> Document:
        """Return a release with what it says about itself."""
        project = self._found(name)
        grouped = by_release(project.files)
        files = grouped.get(spelling_of(version, grouped) or "", [])
        document = release_document(project, version, metadata_of(self.repository.catalogue, files))
        if document is None:
            raise NotHeld(project.name, version)
        return document

    def yank(self, name: str, version: str, reason: str) -> Document:
        """Take a release out of the choice of installers."""
        return _change_document(yank(self.repository, name, version, reason, self.actor))

    def unyank(self, name: str, version: str) -> Document:
        """Give a release back to the choice of installers."""
        return _change_document(unyank(self.repository, name, version, self.actor))

    def plan_delete(self, name: str, version: str | None, filename: str | None) -> Document:
        """Say what a deletion removes; its serial tells whether the plan still holds."""
        return _deletion_document(plan_delete(self.repository, name, version, filename))

    def delete(self, name: str, version: str | None, filename: str | None, serial: int | None) -> Document:
        """Delete what was planned under a serial; without one, what there is."""
        plan = plan_delete(self.repository, name, version, filename)
        if serial is not None and serial != plan.serial:
            raise PlanOutdated(plan.project, serial, plan.serial)
        delete(self.repository, plan, self.actor)
        return _deletion_document(plan)

    def set_status(self, name: str, status: str, reason: str) -> tuple[Document, bool]:
        """Say in what state a project is; return also whether that is new."""
        change = set_status(self.repository, name, ProjectStatus(status), reason, self.actor)
        document = {"project": change.project, "status": change.status.value, "reason": change.reason}
        return document, change.changed

    def _found(self, name: str) -> Project:
        project = self.repository.catalogue.project(normalize(name))
        if project is None:
            raise NotHeld(name)
        return project


def _by_project(files: Iterable[HeldFile]) -> Iterable[tuple[NormalizedName, list[HeldFile]]]:
    return ((name, list(members)) for name, members in groupby(files, key=attrgetter("project")))


def _summary(name: NormalizedName, files: list[HeldFile]) -> Document:
    return summary_document(name, offered(files))


def _change_document(change: Change) -> Document:
    return {"project": change.project, "changed": list(change.changed), "unchanged": list(change.unchanged)}


def _deletion_document(plan: DeletePlan) -> Document:
    return {"project": plan.project, "deleted": list(plan.filenames), "serial": plan.serial}
