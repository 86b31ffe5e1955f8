"""The people of a password file that is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypitool.accounts import Accounts, accounts, remove_user, set_password
from pypitool.managing import Document


@dataclass(frozen=True, slots=True)
class UsersHere:
    """Look at a password file and change it."""

    file: Path

    def listed(self) -> Document:
        """Return their names."""
        return {"users": [account.user for account in accounts(self.file)]}

    def set_password(self, name: str, password: str) -> tuple[Document, bool]:
        """Add a user or change a password; return also whether the user is new."""
        return {"user": name}, set_password(self.file, name, password)

    def remove(self, name: str) -> Document:
        """Take a user out of the file."""
        remove_user(self.file, name)
        return {"user": name}

    def check(self, name: str, password: str) -> Document:
        """Tell whether a password is right."""
        accounts(self.file)  # says what is wrong with the file, where the server would only refuse
        return {"user": name, "valid": Accounts(self.file).verify(name, password)}
