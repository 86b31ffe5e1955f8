"""Projects, users and runs of a server elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from pypitool.core.names import normalize
from pypitool.managing import Document
from pypitool.releases import NotHeld
from pypitool.remote import Remote


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
        if version in ("", ".", "..") or "/" in version:  # an address would mean something else
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


def _checked(name: str) -> str:
    """Refuse what is no name, as the server would; the spelling stays as it was given."""
    normalize(name)
    return name
