"""Projects of a repository that is at hand.

The owners of projects of a repository that is at hand.

Explanations by rules that are at hand.

The tokens of a repository that is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from packaging.utils import NormalizedName

from pypitool.access.explain import Circumstances, circumstances, explain, question
from pypitool.access.rules import Rules
from pypitool.catalogue.catalogue import Reader
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
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token
from pypitool.manage.seam import Document
from pypitool.repository.owners import Ownership, change_owners, owner_named, set_owners
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
from pypitool.repository.tokens import UnknownToken, Wanted, create, find, listed, revoke


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


@dataclass(frozen=True, slots=True)
class OwnersHere:
    """Look at owners and change them, in somebody's name."""

    repository: Repository
    actor: Actor

    def of(self, project: str) -> Document:
        """Return who owns a project; raise what is not held and owned by nobody."""
        name = normalize(project)
        owners = self.repository.catalogue.owners(name)
        if not owners:
            self._refuse_absent(project)
        return {"project": name, "owners": list(owners)}

    def change(self, project: str, add: Sequence[str], remove: Sequence[str]) -> Document:
        """Let some own a project besides, and others no longer."""
        more, fewer = [*map(owner_named, add)], [*map(owner_named, remove)]
        if not more:
            self.of(project)
        name = normalize(project)
        return _document(change_owners(self.repository, name, add=more, remove=fewer, actor=self.actor))

    def set(self, project: str, owners: Sequence[str]) -> Document:
        """Let exactly these own a project."""
        named = [*map(owner_named, owners)]
        if not named:
            self.of(project)
        return _document(set_owners(self.repository, normalize(project), named, self.actor))

    def _refuse_absent(self, project: str) -> None:
        # A name may have an owner before it has a file: it is then no longer new.
        if self.repository.catalogue.project(normalize(project)) is None:
            raise NotHeld(project)


def _document(ownership: Ownership) -> Document:
    return {"project": ownership.project, "owners": list(ownership.owners)}


@dataclass(frozen=True, slots=True)
class RightsHere:
    """Explain decisions as the server with these rules takes them."""

    rules: Rules
    catalogue: Reader | None  # None: no server has run here, a configuration is tried out
    overwrites: bool

    def may(self, who: str, action: str, project: str, address: str) -> Document:
        """Explain one decision."""
        asked = question(who, Right(action), project, address, self.catalogue)
        around = Circumstances(is_new=True, overwrites=self.overwrites)
        if self.catalogue is not None:
            around = circumstances(asked, self.catalogue, overwrites=self.overwrites)
        return explain(self.rules, asked, around).document()


def _every(_token: Token) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class TokensHere:
    """Make, list and revoke tokens, in somebody's name."""

    repository: Repository
    actor: Actor
    owner: str | None = None  # whose personal ones are made
    is_own: Callable[[Token], bool] = _every  # which there are for who asks

    def listed(self) -> list[Document]:
        """Return those that are alive, and those that ended lately."""
        return [one.document for one in listed(self.repository) if self.is_own(one.token)]

    def create(self, name: str, projects: Sequence[str], may: Sequence[str], expires: str) -> Document:
        """Make a token; nobody can be shown it again."""
        wanted = Wanted(name, tuple(projects), tuple(may), expires, self.owner)
        return create(self.repository, wanted, self.actor).document

    def revoke(self, word: str) -> tuple[Document, bool]:
        """End a token by its name or id; return also whether it had not ended before."""
        token = find(self.repository, word, owner=self.owner)
        if not self.is_own(token):
            raise UnknownToken(word)
        ended = revoke(self.repository, token, self.actor)
        return ended.document, ended.changed
