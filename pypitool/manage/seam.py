"""What people do with a server, here or from afar: the same calls, and as answers the same documents.

A document is what `--json` prints and what the API answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

Document = dict[str, Any]


class Projects(Protocol):
    """What is held, and what people decide about it."""

    def listed(self) -> Document:
        """Return every project in a line each."""

    def project(self, name: str) -> Document:
        """Return a project with its releases, by any spelling of its name."""

    def release(self, name: str, version: str) -> Document:
        """Return a release with what it says about itself."""

    def yank(self, name: str, version: str, reason: str) -> Document:
        """Take a release out of the choice of installers."""

    def unyank(self, name: str, version: str) -> Document:
        """Give a release back to the choice of installers."""

    def plan_delete(self, name: str, version: str | None, filename: str | None) -> Document:
        """Say what a deletion removes; its serial tells whether the plan still holds."""

    def delete(self, name: str, version: str | None, filename: str | None, serial: int | None) -> Document:
        """Delete what was planned under a serial; without one, what there is."""

    def set_status(self, name: str, status: str, reason: str) -> tuple[Document, bool]:
        """Say in what state a project is; return also whether that is new."""


class Users(Protocol):
    """The people of the password file."""

    def listed(self) -> Document:
        """Return their names."""

    def set_password(self, name: str, password: str) -> tuple[Document, bool]:
        """Add a user or change a password; return also whether the user is new."""

    def remove(self, name: str) -> Document:
        """Take a user out of the file."""

    def check(self, name: str, password: str) -> Document:
        """Tell whether a password is right."""

    def doubts(self) -> Iterable[str]:
        """Return what has to be said of passwords that are kept badly, where it can be seen."""


class Runs(Protocol):
    """What each run of the mirror did."""

    def listed(self) -> list[Document]:
        """Return every run, newest first."""

    def run(self, number: int) -> Document:
        """Return one run with its events."""


class Owners(Protocol):
    """Who owns a project, whatever the rules say."""

    def of(self, project: str) -> Document:
        """Return who owns a project; raise what is not held and owned by nobody."""

    def change(self, project: str, add: Sequence[str], remove: Sequence[str]) -> Document:
        """Let some own a project besides, and others no longer."""


class Rights(Protocol):
    """Why somebody may do something, or may not."""

    def may(self, who: str, action: str, project: str, address: str) -> Document:
        """Explain one decision."""


class Tokens(Protocol):
    """Passwords for machines."""

    def listed(self) -> list[Document]:
        """Return those that are alive, and those that ended lately."""

    def create(self, name: str, projects: Sequence[str], may: Sequence[str], expires: str) -> Document:
        """Make a token; nobody can be shown it again."""

    def revoke(self, word: str) -> tuple[Document, bool]:
        """End a token by its name or id; return also whether it had not ended before."""


class Audit(Protocol):
    """Who decided what and when."""

    def lines(self, since: str | None, project: str | None, who: str | None) -> Iterable[Document]:
        """Return the lines that are wanted, oldest first."""

    def downloads(self, project: str, version: str) -> list[Document]:
        """Return who got the files of a release, oldest first, and at the end since when that is known."""
