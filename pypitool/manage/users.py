"""The people of a password file that is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypitool.access.accounts import Accounts
from pypitool.access.htpasswd import accounts, remove_user, set_password
from pypitool.catalogue.facts import FactLog
from pypitool.core.fact import Actor, Fact
from pypitool.manage.seam import Document

ADDED, REMOVED = "user-add", "user-remove"


@dataclass(frozen=True, slots=True)
class Record:
    """Where it is recorded that somebody changes the file; never the password."""

    facts: FactLog
    actor: Actor

    def change(self, what: str, user: str) -> None:
        """Record a change that is about to be made."""
        self.facts.append(Fact(what, self.actor, details={"user": user}))


@dataclass(frozen=True, slots=True)
class UsersHere:
    """Look at a password file and change it."""

    file: Path
    record: Record | None = None  # None: no server has a state for it

    def listed(self) -> Document:
        """Return their names."""
        return {"users": [account.user for account in accounts(self.file)]}

    def set_password(self, name: str, password: str) -> tuple[Document, bool]:
        """Add a user or change a password; return also whether the user is new."""
        is_new = set_password(self.file, name, password, record=lambda: self._recorded(ADDED, name))
        return {"user": name}, is_new

    def remove(self, name: str) -> Document:
        """Take a user out of the file."""
        remove_user(self.file, name, record=lambda: self._recorded(REMOVED, name))
        return {"user": name}

    def check(self, name: str, password: str) -> Document:
        """Tell whether a password is right."""
        accounts(self.file)  # says what is wrong with the file, where the server would only refuse
        return {"user": name, "valid": Accounts(self.file).verify(name, password)}

    def _recorded(self, what: str, name: str) -> None:
        if self.record is not None:
            self.record.change(what, name)

    def doubts(self) -> Iterator[str]:
        """Return what has to be said of passwords that are kept badly."""
        for account in accounts(self.file):
            if account.scheme is None:
                yield f"the password of {account.user} is refused: plain text, or of an unknown kind"
            elif account.is_weak:
                yield f"the password of {account.user} is kept in a weak form: {account.scheme}"
