"""The owners of projects of a repository that is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pypitool.core.fact import Actor
from pypitool.core.names import normalize
from pypitool.managing import Document
from pypitool.repository.owners import Ownership, change_owners, owner_named, set_owners
from pypitool.repository.releases import NotHeld
from pypitool.repository.repository import Repository


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
