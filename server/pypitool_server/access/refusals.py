"""The ways to be refused, each with its status and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pypitool.access.rules import NewProjects
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import Right
from pypitool.core.text import printable

REALM = "pypi"
CHALLENGE = {"WWW-Authenticate": f'Basic realm="{REALM}"'}


class CredentialsNeeded(PypitoolError):
    """Nobody may do this without saying who they are."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE
    right: Right
    possible: bool

    def __str__(self) -> str:
        if self.possible:
            return f"the right `{self.right.value}` takes a user name and a password, or a token"
        return f"the right `{self.right.value}` takes a token: the server has no password file"


class RightMissing(PypitoolError):
    """Somebody who is known asked for more than they may."""

    kind = Kind.FORBIDDEN
    sentence = "{name!r} does not have the right `{right.value}` here"
    name: str
    right: Right


class ProjectIsNew(PypitoolError):
    """A project that is not here yet, and that somebody else would have to begin."""

    kind = Kind.FORBIDDEN
    sentence = "{newcomers} may upload a new project"
    newcomers: NewProjects


class ProjectNotHeld(PypitoolError):
    """A project of which we hold no file, or that is hidden from who asks: nobody can tell which."""

    kind = Kind.NOT_FOUND
    name: str

    def __str__(self) -> str:
        return f"no project `{printable(self.name)}` here"
