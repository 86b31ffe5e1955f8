"""Who may do what. Today the short form of `-a` and `-P`; rules for each project are to come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Right(str, Enum):
    """What one may be allowed; none of them contains another."""

    LIST = "list"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    OVERWRITE = "overwrite"
    YANK = "yank"
    DELETE = "delete"
    ADMIN = "admin"


_UPDATE = frozenset({Right.UPLOAD, Right.YANK, Right.DELETE, Right.OVERWRITE})
_OPEN = frozenset({Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.OVERWRITE, Right.DELETE})


@dataclass(frozen=True, slots=True)
class Rules:
    """You may do what at least one rule that names you lets you: a union, without denials or order."""

    anonymous: frozenset[Right]  # everyone, with credentials or without
    authenticated: frozenset[Right]  # who proved a name

    def allows(self, principal: str | None, right: Right) -> bool:
        """Tell whether a principal (None: nobody known) may do something."""
        return right in self.anonymous or (principal is not None and right in self.authenticated)


def short_form(authenticate: Collection[str], has_passwords: bool, open_: bool) -> Rules:
    """Return the rules that `-a` means; `open_` is `-a . -P .`.

    What changes something is never open by omission: `-a download` protects uploads as well.
    """
    if open_:
        return Rules(_OPEN, _OPEN)
    protected = frozenset(right for right in (Right.LIST, Right.DOWNLOAD) if right.value in authenticate)
    anonymous = frozenset({Right.LIST, Right.DOWNLOAD}) - protected
    # Without a password file nobody can prove a name, and so nobody may.
    return Rules(anonymous, anonymous | protected | _UPDATE if has_passwords else anonymous)
