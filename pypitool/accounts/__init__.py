"""Who people are: the htpasswd file, read as it is now, verified, remembered and edited."""

from pypitool.accounts.editing import Account, accounts, remove_user, set_password
from pypitool.accounts.errors import (
    PasswordFileUnreadable,
    PasswordRefused,
    PasswordsBusy,
    PasswordsUnavailable,
    UnknownUser,
    UserNameRefused,
)
from pypitool.accounts.hashes import PasswordHashes
from pypitool.accounts.verifying import Accounts

__all__ = [
    "Account",
    "Accounts",
    "PasswordFileUnreadable",
    "PasswordHashes",
    "PasswordRefused",
    "PasswordsBusy",
    "PasswordsUnavailable",
    "UnknownUser",
    "UserNameRefused",
    "accounts",
    "remove_user",
    "set_password",
]
