"""Projects: what is held, what people decide about it, and who owns it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from packaging.utils import NormalizedName

from pypitool.catalogue.held_metadata import metadata_of
from pypitool.core.documents import (
    by_release,
    project_document,
    release_document,
    spelling_of,
    summary_document,
)
from pypitool.core.errors import PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.model import Project, ProjectStatus, offered
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.manage.action import Reply
from pypitool.repository import releases
from pypitool.repository.owners import Ownership, change_owners, give_up_name, owner_named, set_owners
from pypitool.repository.releases import Change, NotHeld, PlanOutdated, plan_delete
from pypitool.repository.repository import Repository

Sees = Callable[[NormalizedName], bool]


def _sees_everything() -> Sees:
    return lambda name: True


def _refuse_nothing(_name: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Projects:
    """Look at projects and decide about them, in somebody's name."""

    repository: Repository
    actor: Actor
    sees: Callable[[], Sees] = _sees_everything  # asked once, before a list is made
    # Why who asks may not quarantine a project, or end that; None: they may.
    quarantine_refusal: Callable[[str], PypitoolError | None] = _refuse_nothing

    def listed(self) -> Reply:
        """Return every project in a line each."""
        sees = self.sees()
        held = sorted(self.repository.catalogue.files(), key=attrgetter("project"))
        return Reply(
            {
                "projects": [
                    summary_document(name, offered(list(files)))
                    for name, files in groupby(held, key=attrgetter("project"))
                    if sees(name)
                ]
            }
        )

    def project(self, name: str) -> Reply:
        """Return a project with its releases, by any spelling of its name."""
        return Reply(project_document(self._found(name)))

    def release(self, name: str, version: str) -> Reply:
        """Return a release with what it says about itself."""
        project = self._found(name)
        grouped = by_release(project.files)
        files = grouped.get(spelling_of(version, grouped) or "", [])
        document = release_document(project, version, metadata_of(self.repository.catalogue, files))
        if document is None:
            raise NotHeld(project.name, version)
        return Reply(document)

    def yank(self, name: str, version: str, reason: str = "") -> Reply:
        """Take a release out of the choice of installers."""
        return _told(releases.yank(self.repository, name, version, reason, self.actor))

    def unyank(self, name: str, version: str) -> Reply:
        """Give a release back to the choice of installers."""
        return _told(releases.unyank(self.repository, name, version, self.actor))

    def delete(
        self,
        name: str,
        version: str | None = None,
        file: str | None = None,
        dry_run: bool = False,
        serial: int | None = None,
    ) -> Reply:
        """Delete a project, a release or a file, or only say what that removes.

        With the `serial` of what was said, nothing is deleted if the project has changed since.
        """
        plan = plan_delete(self.repository, name, version, file)
        if not dry_run:
            if serial is not None and serial != plan.serial:
                raise PlanOutdated(plan.project, serial, plan.serial)
            releases.delete(self.repository, plan, self.actor)
        return Reply({"project": plan.project, "deleted": list(plan.filenames), "serial": plan.serial})

    def set_status(self, name: str, status: str, reason: str = "") -> Reply:
        """Say in what state a project is."""
        wanted, refusal = ProjectStatus(status), self.quarantine_refusal(name)

        def permit(before: ProjectStatus) -> None:
            if refusal is not None and ProjectStatus.QUARANTINED in (wanted, before):
                raise refusal

        change = releases.set_status(self.repository, name, wanted, reason, self.actor, permit=permit)
        return Reply(
            {"project": change.project, "status": change.status.value, "reason": change.reason},
            "changed" if change.changed else "unchanged",
        )

    def right_for_status(self, name: str, status: str, reason: str = "") -> Right:
        """Return the right that a status takes: quarantine, and its end, are for admins of the project."""
        before, _ = self.repository.catalogue.status(normalize(name))
        is_quarantine = ProjectStatus.QUARANTINED in (ProjectStatus(status), before)
        return Right.ADMIN if is_quarantine else Right.YANK

    def owners(self, name: str) -> Reply:
        """Return who owns a project; raise what is not held and owned by nobody."""
        project = normalize(name)
        owners = self.repository.catalogue.owners(project)
        # A name may have an owner before it has a file: it is then no longer new.
        if not owners and self.repository.catalogue.project(project) is None:
            raise NotHeld(name)
        return Reply({"project": project, "owners": list(owners)})

    def set_owners(self, name: str, owners: Sequence[str]) -> Reply:
        """Let exactly these own a project."""
        named = [*map(owner_named, owners)]
        if not named:
            self.owners(name)
        return _owned(set_owners(self.repository, normalize(name), named, self.actor))

    def change_owners(self, name: str, add: Sequence[str], remove: Sequence[str]) -> Reply:
        """Let some own a project besides, and others no longer."""
        more, fewer = [*map(owner_named, add)], [*map(owner_named, remove)]
        if not more:
            self.owners(name)
        project = normalize(name)
        return _owned(change_owners(self.repository, project, add=more, remove=fewer, actor=self.actor))

    def give_up_name(self, name: str) -> Reply:
        """Let a name that was uploaded here be anybody's again; nothing of it may be left."""
        return Reply({"project": give_up_name(self.repository, name, self.actor)})

    def _found(self, name: str) -> Project:
        project = self.repository.catalogue.project(normalize(name))
        if project is None:
            raise NotHeld(name)
        return project


def _told(change: Change) -> Reply:
    return Reply(
        {"project": change.project, "changed": list(change.changed), "unchanged": list(change.unchanged)}
    )


def _owned(ownership: Ownership) -> Reply:
    return Reply({"project": ownership.project, "owners": list(ownership.owners)})
