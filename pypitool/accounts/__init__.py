"""Who people are: the htpasswd file, read as it is now, verified, remembered and edited."""

from pypitool.accounts.editing import Account, accounts, remove_user, set_password
from pypitool.accounts.errors import (
    PasswordFileUnreadable,
    PasswordRefused,
    PasswordsBusy,
    PasswordsUnavailable,
    UnknownUser,
    UserNameRefused,
    VerificationFailed,
)
from pypitool.accounts.hashes import PasswordHashes
from pypitool.accounts.own import OwnAccounts
from pypitool.accounts.verified import Remembered
from pypitool.accounts.verifying import Accounts, Credentials

__all__ = [
    "Account",
    "Accounts",
    "Credentials",
    "OwnAccounts",
    "PasswordFileUnreadable",
    "PasswordHashes",
    "PasswordRefused",
    "PasswordsBusy",
    "PasswordsUnavailable",
    "Remembered",
    "UnknownUser",
    "UserNameRefused",
    "VerificationFailed",
    "accounts",
    "remove_user",
    "set_password",
]
