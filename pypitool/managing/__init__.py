"""What people do with a server, here or from afar: the same calls, and as answers the same documents.

A document is what `--json` prints and what the API answers.
"""

from __future__ import annotations

from collections.abc import Iterable
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
