"""What people do with a server, with one elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pypitool.access.explain import question
from pypitool.core.errors import Kind
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.manage.client import Answered, Remote
from pypitool.manage.seam import Document
from pypitool.repository.owners import owner_named
from pypitool.repository.releases import NotHeld

# What an address cannot hold as a part of it: it would mean another one.
_NO_PART = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class ProjectsAfar:
    """Look at projects there and decide about them."""

    remote: Remote

    def listed(self) -> Document:
        """Return every project that one may list in a line each."""
        return self._get("projects")

    def project(self, name: str) -> Document:
        """Return a project with its releases, by any spelling of its name."""
        return self._get("projects", _checked(name))

    def release(self, name: str, version: str) -> Document:
        """Return a release with what it says about itself."""
        if version in _NO_PART or "/" in version:
            raise NotHeld(self.project(name)["project"], version)
        return self._get("projects", _checked(name), version)

    def yank(self, name: str, version: str, reason: str) -> Document:
        """Take a release out of the choice of installers."""
        return self._post(name, "yank", version=version, reason=reason or None)

    def unyank(self, name: str, version: str) -> Document:
        """Give a release back to the choice of installers."""
        return self._post(name, "unyank", version=version)

    def plan_delete(self, name: str, version: str | None, filename: str | None) -> Document:
        """Say what a deletion removes; its serial tells whether the plan still holds."""
        return self._post(name, "delete", version=version, file=filename, dry_run=True)

    def delete(self, name: str, version: str | None, filename: str | None, serial: int | None) -> Document:
        """Delete what was planned under a serial; without one, what there is."""
        return self._post(name, "delete", version=version, file=filename, serial=serial)

    def set_status(self, name: str, status: str, reason: str) -> tuple[Document, bool]:
        """Say in what state a project is; return also whether that is new."""
        body = {"status": status, "reason": reason or None}
        answer = self.remote.send("POST", "projects", _checked(name), "status", body=body)
        return answer.document, answer.outcome != "unchanged"

    def _get(self, *words: str) -> Document:
        document: Document = self.remote.get(*words)
        return document

    def _post(self, name: str, what: str, **body: str | int | None) -> Document:
        document: Document = self.remote.send("POST", "projects", _checked(name), what, body=body).document
        return document


@dataclass(frozen=True, slots=True)
class UsersAfar:
    """Look at the password file there and change it."""

    remote: Remote

    def listed(self) -> Document:
        """Return their names."""
        document: Document = self.remote.get("users")
        return document

    def set_password(self, name: str, password: str) -> tuple[Document, bool]:
        """Add a user or change a password; return also whether the user is new."""
        answer = self.remote.send("PUT", "users", name, body={"password": password})
        return answer.document, answer.outcome == "created"

    def remove(self, name: str) -> Document:
        """Take a user out of the file."""
        document: Document = self.remote.send("DELETE", "users", name).document
        return document

    def check(self, name: str, password: str) -> Document:
        """Tell whether a password is right."""
        answer = self.remote.send("POST", "users", name, "check", body={"password": password})
        document: Document = answer.document
        return document

    def doubts(self) -> tuple[str, ...]:
        """Return nothing: how passwords are kept there, nobody tells."""
        return ()


@dataclass(frozen=True, slots=True)
class RunsAfar:
    """Look at the runs of the mirror there."""

    remote: Remote

    def listed(self) -> list[Document]:
        """Return every run, newest first."""
        documents: list[Document] = self.remote.get("runs")
        return documents

    def run(self, number: int) -> Document:
        """Return one run with its events."""
        document: Document = self.remote.get("runs", str(number))
        return document


@dataclass(frozen=True, slots=True)
class OwnersAfar:
    """Look at owners there and change them."""

    remote: Remote

    def of(self, project: str) -> Document:
        """Return who owns a project; raise what is not held and owned by nobody."""
        document: Document = self.remote.get("projects", _checked(project), "owners")
        return document

    def change(self, project: str, add: Sequence[str], remove: Sequence[str]) -> Document:
        """Let some own a project besides, and others no longer."""
        more, fewer = [*map(owner_named, add)], [*map(owner_named, remove)]
        wanted = [who for who in (*self._before(project, more), *more) if who not in fewer]
        answer = self.remote.send("PUT", "projects", _checked(project), "owners", body={"owners": wanted})
        document: Document = answer.document
        return document

    def _before(self, project: str, more: Sequence[str]) -> list[str]:
        try:
            owners: list[str] = self.of(project)["owners"]
        except Answered as error:
            # A name may have an owner before it has a file.
            if error.kind is not Kind.NOT_FOUND or not more:
                raise
            return []
        return owners


@dataclass(frozen=True, slots=True)
class RightsAfar:
    """Ask the server there for explanations."""

    remote: Remote

    def may(self, who: str, action: str, project: str, address: str) -> Document:
        """Explain one decision."""
        # What names nobody is wrong usage here as there.
        question(who, Right(action), project, address, None)
        asked = {"who": who, "action": action, "project": project, "from": address}
        document: Document = self.remote.get("may", query=asked)
        return document


@dataclass(frozen=True, slots=True)
class TokensAfar:
    """Make, list and revoke tokens there."""

    remote: Remote

    def listed(self) -> list[Document]:
        """Return those that there are for who asks."""
        documents: list[Document] = self.remote.get("tokens")
        return documents

    def create(self, name: str, projects: Sequence[str], may: Sequence[str], expires: str) -> Document:
        """Make a token; nobody can be shown it again."""
        body = {"name": name, "projects": list(projects), "may": list(may), "expires": expires}
        document: Document = self.remote.send("POST", "tokens", body=body).document
        return document

    def revoke(self, word: str) -> tuple[Document, bool]:
        """End a token by its name or id; return also whether it had not ended before."""
        answer = self.remote.send("DELETE", "tokens", word)
        return answer.document, answer.outcome != "unchanged"


@dataclass(frozen=True, slots=True)
class AuditAfar:
    """Look at the record of decisions there."""

    remote: Remote

    def lines(self, since: str | None, project: str | None, who: str | None) -> list[Document]:
        """Return the lines that are wanted, oldest first."""
        asked = {"since": since, "project": project and normalize(project), "user": who}
        documents: list[Document] = self.remote.get("audit", query=asked)
        return documents

    def downloads(self, project: str, version: str) -> list[Document]:
        """Return who got the files of a release, oldest first, and at the end since when that is known."""
        if version in _NO_PART or "/" in version:
            raise NotHeld(normalize(project), version)
        documents: list[Document] = self.remote.get("audit", "downloads", normalize(project), version)
        return documents


def _checked(name: str) -> str:
    """Refuse what is no name, as the server would; the spelling stays as it was given."""
    normalize(name)
    return name
